/** A pair of a real pseudo-terminal (the agent opens `path` with serialport) and the wire behind it (the twin's end). */
export interface VirtualPort {
  /**
   * The device to open: the stable link when one was asked for, else /dev/pts/N. Whoever yanks should ask for a link: the kernel gives the
   * number of a yanked terminal to the next one that anybody opens.
   */
  readonly path: string;
  /** The speed the agent set, as it was when the last bytes came; null while unknown (nothing written yet, or not Linux). */
  readonly baudRate: number | null;
  /** Bytes the agent wrote. */
  onData(handler: (bytes: Buffer) => void): () => void;
  /** Bytes towards the agent; lost while the port is yanked. */
  write(bytes: Uint8Array): void;
  /** Hangs the terminal up, as pulling a USB adapter does: the path disappears. */
  yank(): Promise<void>;
  /** Plugs it in again: a new pseudo-terminal under the same stable link. */
  replug(): Promise<void>;
  close(): Promise<void>;
}
