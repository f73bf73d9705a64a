/** A member of an archive. Everything belongs to root. */
export interface TarEntry {
  /** Without a leading "/"; a directory's ends with one where it is written. */
  path: string;
  kind: 'file' | 'directory' | 'symlink';
  /** Permission bits. */
  mode: number;
  /** A file's bytes; empty for the others. */
  data: Buffer;
  /** A symbolic link's target. */
  target?: string;
}

const BLOCK = 512;
/** POSIX.1-1988 "ustar" header fields, as offset and length. */
const FIELD = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  userName: [265, 32],
  groupName: [297, 32],
  prefix: [345, 155],
} as const;
const TYPES = { file: '0', symlink: '2', directory: '5' } as const;

function put(header: Buffer, [offset, length]: readonly [number, number], text: string): void {
  if (Buffer.byteLength(text) > length) throw new RangeError(`"${text}" does not fit into a tar header`);
  header.write(text, offset, length, 'utf8');
}

function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, '0')}\0`;
}

/** A long path stands in two fields, cut at a "/". */
function splitPath(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= FIELD.name[1]) return { name: path, prefix: '' };
  for (let cut = path.indexOf('/'); cut !== -1; cut = path.indexOf('/', cut + 1)) {
    if (Buffer.byteLength(path.slice(cut + 1)) <= FIELD.name[1]) return { name: path.slice(cut + 1), prefix: path.slice(0, cut) };
  }
  throw new RangeError(`${path} is too long for a tar archive`);
}

function checksumOf(header: Buffer): number {
  return header.reduce((sum, byte, index) => {
    const [start, length] = FIELD.checksum;
    return sum + (index >= start && index < start + length ? 0x20 : byte);
  }, 0);
}

function headerOf(entry: TarEntry, mtimeSeconds: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  const { name, prefix } = splitPath(entry.path);
  put(header, FIELD.name, name);
  put(header, FIELD.prefix, prefix);
  put(header, FIELD.mode, octal(entry.mode, 8));
  put(header, FIELD.uid, octal(0, 8));
  put(header, FIELD.gid, octal(0, 8));
  put(header, FIELD.size, octal(entry.data.length, 12));
  put(header, FIELD.mtime, octal(mtimeSeconds, 12));
  put(header, FIELD.type, TYPES[entry.kind]);
  put(header, FIELD.linkName, entry.target ?? '');
  put(header, FIELD.magic, 'ustar\x0000');
  put(header, FIELD.userName, 'root');
  put(header, FIELD.groupName, 'root');
  put(header, FIELD.checksum, `${checksumOf(header).toString(8).padStart(6, '0')}\0 `);
  return header;
}

/** A ustar archive (POSIX.1-1988) of these members in their order. Its bytes depend on nothing but the input. @throws RangeError for a path that does not fit */
export function packTar(entries: readonly TarEntry[], mtimeSeconds: number): Buffer {
  const members = entries.flatMap((entry) => [
    headerOf(entry, mtimeSeconds),
    entry.data,
    Buffer.alloc((BLOCK - (entry.data.length % BLOCK)) % BLOCK),
  ]);
  return Buffer.concat([...members, Buffer.alloc(2 * BLOCK)]);
}

/** What a header says; `bytes` of data follow. Null: it is empty, and ends the archive. @throws Error when it is damaged */
function readHeader(header: Buffer): (Omit<TarEntry, 'kind' | 'data'> & { kind: TarEntry['kind'] | null; bytes: number }) | null {
  if (header.every((byte) => byte === 0)) return null;
  const text = ([offset, length]: readonly [number, number]) => header.toString('utf8', offset, offset + length).replace(/\0[\s\S]*$/, '');
  const number = (field: readonly [number, number]) => Number.parseInt(text(field).trim() || '0', 8);
  const bytes = number(FIELD.size);
  if (number(FIELD.checksum) !== checksumOf(header) || !(bytes >= 0)) throw new Error('The tar archive is damaged');
  const kind = (Object.keys(TYPES) as TarEntry['kind'][]).find((name) => TYPES[name] === (text(FIELD.type) || '0')) ?? null;
  const path = [text(FIELD.prefix), text(FIELD.name)].filter(Boolean).join('/').replace(/^\.\//, '').replace(/\/$/, '');
  const target = text(FIELD.linkName);
  return { path, kind, mode: number(FIELD.mode), bytes, ...(target && { target }) };
}

const following = (at: number, bytes: number) => at + BLOCK + Math.ceil(bytes / BLOCK) * BLOCK;

/** The members of a ustar archive. Extended headers (pax, GNU) are not understood. @throws Error when it is damaged. */
export function readTar(archive: Buffer): TarEntry[] {
  const entries: TarEntry[] = [];
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = readHeader(archive.subarray(at, at + BLOCK));
    if (header === null) return entries;
    const { kind, bytes, ...member } = header;
    if (kind && member.path) entries.push({ ...member, kind, data: archive.subarray(at + BLOCK, at + BLOCK + bytes) });
    at = following(at, bytes);
  }
  throw new Error('The tar archive has no end');
}

/**
 * Where the files of a ustar archive lie, without their bytes: an archive may be larger than the memory.
 * @param archive its size, and a way to read pieces of it
 * @param maxMembers more are refused
 * @throws Error when it is damaged, or cut; what `read` throws
 */
export async function indexTar(
  { bytes: size, read }: { bytes: number; read(offset: number, bytes: number): Promise<Buffer> },
  maxMembers: number,
): Promise<Map<string, { offset: number; bytes: number }>> {
  const files = new Map<string, { offset: number; bytes: number }>();
  let members = 0;
  for (let at = 0; at + BLOCK <= size; ) {
    const header = readHeader(await read(at, BLOCK));
    if (header === null) return files;
    members += 1;
    if (members > maxMembers) throw new Error(`The tar archive has more than ${maxMembers} members`);
    const { kind, path, bytes } = header;
    if (at + BLOCK + bytes > size) throw new Error(`The tar archive is cut in ${path}`);
    if (kind === 'file') files.set(path, { offset: at + BLOCK, bytes });
    at = following(at, bytes);
  }
  throw new Error('The tar archive has no end');
}
