/** One thing that happened on a bus, in words: for a person who watches. */
export interface BusTrace {
  /** Epoch milliseconds. */
  at: number;
  bus: string;
  /** `silence`: no answer to what was sent last. */
  kind: 'sent' | 'received' | 'silence';
  /** What came instead of an answer, with `silence`: no byte, a late answer to something else, bytes that are no frame, or the port went away. */
  heard?: 'nothing' | 'stray' | 'noise' | 'lost';
  address: number;
  /** The standard's name, such as `POLL`; null for silence. */
  name: string | null;
  sequence: number | null;
  /** Bytes on the wire. */
  bytes: number | null;
  /** Type of the security block, such as `SCS_17`; null in clear. */
  security: string | null;
  /** The content of the frame. Card numbers, digits, keys and cryptograms are never in it. */
  text: string;
}
