import { createHash } from 'node:crypto';

/** RFC 9562: 8-4-4-4-12 hexadecimal digits. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const check = (id: string) => createHash('sha256').update(id).digest('hex').slice(0, 16);

/** The id in `hub-id`, in small letters. @throws Error when it is none */
export function parseHubId(data: Buffer): string {
  const text = data.toString('latin1').trim();
  if (!UUID.test(text)) throw new Error('not a hub id');
  return text.toLowerCase();
}

/** The copy of the id, with a checksum: the file beside it has none, for older agents read that one whole. */
export const hubIdCopy = (id: string): string => `${id.toLowerCase()} ${check(id.toLowerCase())}\n`;

/** The id in the copy. @throws Error when the copy is damaged */
export function parseHubIdCopy(data: Buffer): string {
  const id = data.toString('latin1').split(' ')[0]!;
  if (!UUID.test(id) || data.toString('latin1') !== hubIdCopy(id)) throw new Error('its checksum does not fit');
  return id;
}

/** Bits in which two ids of the same form differ. */
function distance(one: string, other: string): number {
  let bits = 0;
  for (let index = 0; index < one.length; index++) {
    for (let rest = one.charCodeAt(index) ^ other.charCodeAt(index); rest > 0; rest >>= 1) bits += rest & 1;
  }
  return bits;
}

/** Ids that differ in so few bits are one id and storage that fails. Two random ones differ in about 50. */
const MAX_DAMAGED_BITS = 2;

/**
 * Whose the state is by both files; null stands for one that is missing or damaged. The copy with its checksum decides, and only where there is none
 * the id beside it. `other` only for an id that is far from this hub's: `hubId` itself comes from a file without a checksum and may be damaged.
 */
export function ownerBy(id: string | null, copy: string | null, hubId: string): 'own' | 'other' | 'unknown' {
  const own = hubId.toLowerCase();
  if (id === own || copy === own) return 'own';
  const stored = copy ?? id;
  if (stored === null) return 'unknown';
  return distance(stored, own) > MAX_DAMAGED_BITS ? 'other' : 'unknown';
}
