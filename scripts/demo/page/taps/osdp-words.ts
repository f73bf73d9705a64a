/** Codes of commands (OSDP 2.2, annex A.1). */
const COMMANDS: Readonly<Record<number, string>> = {
  96: 'POLL',
  97: 'ID',
  98: 'CAP',
  100: 'LSTAT',
  101: 'ISTAT',
  102: 'OSTAT',
  103: 'RSTAT',
  104: 'OUT',
  105: 'LED',
  106: 'BUZ',
  107: 'TEXT',
  110: 'COMSET',
  117: 'KEYSET',
  118: 'CHLNG',
  119: 'SCRYPT',
};
/** Codes of replies (OSDP 2.2, annex A.2). */
const REPLIES: Readonly<Record<number, string>> = {
  64: 'ACK',
  65: 'NAK',
  69: 'PDID',
  70: 'PDCAP',
  72: 'LSTATR',
  73: 'ISTATR',
  74: 'OSTATR',
  75: 'RSTATR',
  80: 'RAW',
  81: 'FMT',
  83: 'KEYPAD',
  84: 'COM',
  118: 'CCRYPT',
  120: 'RMAC_I',
  121: 'BUSY',
};
const NAKS: Readonly<Record<number, string>> = {
  1: 'bad check',
  2: 'bad length',
  3: 'unknown command',
  4: 'sequence',
  5: 'security not supported',
  6: 'security required',
  9: 'bad record',
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const number = (bytes: Uint8Array, at: number): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
const states = (data: Uint8Array): string => [...data].map((state) => (state === 0 ? '·' : 'x')).join('');

/** What a frame's data says, in words. Never the bytes of a key, a challenge or a card: those have no line here. */
const SAYS: Readonly<Record<string, (data: Uint8Array) => string>> = {
  PDID: (data) =>
    `vendor ${hex(data.subarray(0, 3))}, model ${data[3]}, serial ${number(data, 5).toString(16).padStart(8, '0')}, firmware ${data.subarray(9, 12).join('.')}`,
  PDCAP: (data) => `${Math.floor(data.length / 3)} capabilities`,
  NAK: (data) => NAKS[data[0] ?? 0] ?? `reason ${data[0]}`,
  LSTATR: ([tamper, power]) => `${tamper ? 'tamper' : 'no tamper'}, ${power ? 'power fault' : 'power good'}`,
  RSTATR: (data) => (data.includes(2) ? 'reader tampered' : 'readers normal'),
  ISTATR: (data) => `inputs ${states(data)}`,
  OSTATR: (data) => `outputs ${states(data)}`,
  RAW: (data) => `a card of ${(data[2] ?? 0) | ((data[3] ?? 0) << 8)} bits, number masked`,
  FMT: () => 'a card, number masked',
  KEYPAD: (data) => `${data[1] ?? 0} digits, masked`,
  COM: (data) => `address ${data[0]}, ${number(data, 1)} baud`,
  COMSET: (data) => `address ${data[0]}, ${number(data, 1)} baud`,
  KEYSET: () => 'a key, masked',
};
const LEAST: Readonly<Record<string, number>> = { PDID: 12, LSTATR: 2, COM: 5, COMSET: 5 };

export function nameOf(reply: boolean, code: number): string {
  return (reply ? REPLIES : COMMANDS)[code] ?? `0x${code.toString(16)}`;
}

/** The data of a frame that went in clear, in words; empty for what has no words, or is too short for them. */
export function wordsOf(name: string, data: Uint8Array): string {
  const says = SAYS[name];
  return says && data.length >= (LEAST[name] ?? 0) ? says(data) : '';
}
