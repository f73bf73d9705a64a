import { open, readFile } from 'node:fs/promises';

const CHUNK_BYTES = 1 << 20;

/** How often a text stands in a process's writable memory, by encoding: V8 keeps text as Latin-1 or UTF-16, buffers hold UTF-8. Needs ptrace's rights. */
export async function copiesInMemory(pid: number, text: string): Promise<number> {
  const needles = [Buffer.from(text, 'utf8'), Buffer.from(text, 'utf16le')];
  const overlap = Math.max(...needles.map(({ length }) => length)) - 1;
  const maps = (await readFile(`/proc/${pid}/maps`, 'utf8')).split('\n');
  const memory = await open(`/proc/${pid}/mem`, 'r');
  let copies = 0;
  try {
    for (const line of maps) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
      if (from === undefined || to === undefined) continue;
      const end = Number.parseInt(to, 16);
      for (let at = Number.parseInt(from, 16); at < end; at += CHUNK_BYTES) {
        const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES + overlap, end - at));
        const { bytesRead } = await memory.read(chunk, 0, chunk.length, at).catch(() => ({ bytesRead: 0 }));
        for (const needle of needles) copies += occurrences(chunk.subarray(0, bytesRead), needle, CHUNK_BYTES);
      }
    }
  } finally {
    await memory.close();
  }
  return copies;
}

/** Those that begin within `limit`; one across two chunks is counted in the first. */
function occurrences(chunk: Buffer, needle: Buffer, limit: number): number {
  let count = 0;
  for (let at = chunk.indexOf(needle); at >= 0 && at < limit; at = chunk.indexOf(needle, at + 1)) count += 1;
  return count;
}
