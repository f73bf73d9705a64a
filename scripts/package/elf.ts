/** What the first bytes of a Linux binary say (ELF-64 object file format, "ELF header"). */
export interface ElfHeader {
  bits: 32 | 64;
  littleEndian: boolean;
  /** Debian's name of the processor; `unknown` for one that no hub has. */
  machine: 'amd64' | 'arm64' | 'unknown';
}

const MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);
const CLASS_OFFSET = 4;
const DATA_OFFSET = 5;
const MACHINE_OFFSET = 18;
const HEADER_BYTES = 20;
/** e_machine: EM_X86_64, EM_AARCH64. */
const MACHINES: Readonly<Record<number, ElfHeader['machine']>> = { 62: 'amd64', 183: 'arm64' };

/** The header of a binary, or null for a file that is none. */
export function readElf(file: Buffer): ElfHeader | null {
  if (file.length < HEADER_BYTES || !file.subarray(0, MAGIC.length).equals(MAGIC)) return null;
  const littleEndian = file[DATA_OFFSET] === 1;
  const machine = littleEndian ? file.readUInt16LE(MACHINE_OFFSET) : file.readUInt16BE(MACHINE_OFFSET);
  return { bits: file[CLASS_OFFSET] === 2 ? 64 : 32, littleEndian, machine: MACHINES[machine] ?? 'unknown' };
}
