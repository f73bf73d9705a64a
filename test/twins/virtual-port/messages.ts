/** What the holder of a pseudo-terminal tells the harness: one byte of type, two of length, the payload. */
export const MESSAGE = { PATH: 1, DATA: 2, SPEED: 3 } as const;

const HEADER = 3;

export function encodeMessage(type: number, payload: Uint8Array): Buffer {
  const out = Buffer.alloc(HEADER + payload.length);
  out[0] = type;
  out.writeUInt16LE(payload.length, 1);
  out.set(payload, HEADER);
  return out;
}

/** Collects chunks and calls `handle` for each whole message. */
export function createMessageReader(handle: (type: number, payload: Buffer) => void): (chunk: Buffer) => void {
  let pending: Buffer = Buffer.alloc(0);
  return (chunk) => {
    pending = pending.length > 0 ? Buffer.concat([pending, chunk]) : chunk;
    while (pending.length >= HEADER) {
      const end = HEADER + pending.readUInt16LE(1);
      if (pending.length < end) return;
      const [type, payload] = [pending[0]!, pending.subarray(HEADER, end)];
      pending = pending.subarray(end);
      handle(type, payload);
    }
  };
}
