/** The two frame checks of OSDP (SIA OSDP 2.2, "Packet format"). */

const CRC_POLYNOMIAL = 0x1021;
const CRC_INITIAL = 0x1d0f;

function crcTable(): Uint16Array {
  const table = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte << 8;
    for (let bit = 0; bit < 8; bit++) value = value & 0x8000 ? (value << 1) ^ CRC_POLYNOMIAL : value << 1;
    table[byte] = value;
  }
  return table;
}

const TABLE = crcTable();

/** CRC-16 with initial value 1D0F over `bytes[start, end)`: not reflected, no final xor. Sent little-endian. */
export function crc16(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = CRC_INITIAL;
  for (let at = start; at < end; at++) crc = ((crc << 8) ^ TABLE[(crc >> 8) ^ bytes[at]!]!) & 0xffff;
  return crc;
}

/** The two's complement of the byte sum of `bytes[start, end)`: 8 bits. */
export function checksum8(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let sum = 0;
  for (let at = start; at < end; at++) sum += bytes[at]!;
  return -sum & 0xff;
}
