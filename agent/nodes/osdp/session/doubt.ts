import type { Frame } from '../codec/frame.ts';
import type { Identity, Reply } from '../codec/reply.ts';
import type { PdState } from './pd.ts';

/** True when both describe the same device, with any firmware. */
export function sameDevice(a: Identity, b: Identity): boolean {
  return a.vendor === b.vendor && a.model === b.model && a.serialNumber === b.serialNumber;
}

function isNews({ facts, told, ownTamper, readerTamper }: PdState, reply: Reply): boolean {
  switch (reply.kind) {
    case 'identity':
      return JSON.stringify(reply.identity) !== JSON.stringify(facts.identity);
    case 'capabilities':
      return JSON.stringify(reply.capabilities) !== JSON.stringify(facts.capabilities);
    case 'localStatus':
      return ownTamper !== reply.tamper || facts.powerFault !== reply.powerFault;
    case 'inputs':
    case 'outputs':
      return JSON.stringify(reply.states) !== JSON.stringify(told[reply.kind]);
    case 'readers':
      return reply.tampered.includes(true) !== (readerTamper ?? false);
    default:
      return false;
  }
}

/**
 * Whether a reply must be received twice before it is accepted: it reports something new, and only the 8-bit checksum protects it, which misses
 * one in sixteen of the frames with two spoilt bits. Answers the text by which the second one is recognised; null: it is accepted.
 */
export function doubtOf(pd: PdState, frame: Frame, reply: Reply): string | null {
  if (frame.check === 'crc' || frame.mac !== null || !isNews(pd, reply)) return null;
  const said = `${frame.code} ${frame.data.toString('hex')}`;
  return pd.doubted === said ? null : said;
}
