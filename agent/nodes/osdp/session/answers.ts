import type { NodeSecurity } from '../../../contract/node.ts';
import type { Identity, Reply } from '../codec/reply.ts';
import { forgotten } from './check-choice.ts';
import { onTurn } from './clash.ts';
import { sameDevice } from './doubt.ts';
import { prove } from './handshake.ts';
import { type Detail, NOTHING_TOLD, type PdNote, type PdState, type Pending, type Purpose, withFacts } from './pd.ts';
import { withTold } from './told.ts';

type Step = { pd: PdState; notes: PdNote[] };

/** What has to be learnt of another PD at the same address. */
function untold(pd: PdState): PdState {
  const anew = { capabilitiesMs: null, readersMs: null, inputsMs: null, outputsMs: null, told: NOTHING_TOLD };
  return withFacts(
    { ...pd, ...anew, ownTamper: null, readerTamper: null, check: forgotten(pd.check) },
    { capabilities: null, security: null, tamper: null, powerFault: null },
  );
}

/** What a purpose was asked, so that it is not asked again at once. */
export function askedNow(purpose: Purpose, nowMs: number): Partial<PdState> {
  const asked: Partial<Record<Purpose, Partial<PdState>>> = {
    identify: { identifiedMs: nowMs },
    capabilities: { capabilitiesMs: nowMs },
    status: { statusMs: nowMs },
    readers: { readersMs: nowMs },
    inputs: { inputsMs: nowMs },
    outputs: { outputsMs: nowMs },
  };
  return asked[purpose] ?? {};
}

/** What a PD may not support although it reports its status. */
export const isDetail = (purpose: Purpose): purpose is Detail => purpose === 'readers' || purpose === 'inputs' || purpose === 'outputs';

/** The PD does not support this command: skip it, and ask again later. */
export function refused(before: PdState, pending: Pending, reply: Reply, nowMs: number): Step {
  const pd = { ...before, ...askedNow(pending.purpose, nowMs) };
  const fields = {
    purpose: pending.purpose,
    reply: reply.kind,
    ...('reason' in reply && { nak: reply.reason }),
    ...('code' in reply && { code: reply.code }),
  };
  const notes: PdNote[] = [
    { level: 'debug', event: 'osdp_command_refused', message: 'the peripheral does not answer this command as the standard says', fields },
  ];
  if (pending.purpose !== 'identify') return { pd, notes };
  // The identity reported before belongs to another device.
  const replaced = reply.kind === 'nak' && pd.facts.identity !== null;
  const asked = { ...pd, identityRefused: true };
  return { pd: replaced ? withFacts(untold(asked), { identity: null }) : asked, notes };
}

/** How the link is protected, as the answer just taken proves it; where an own key is configured, a link in clear keeps its assessment. */
function provenSecurity({ channel, guarded, facts }: PdState): NodeSecurity | null {
  if (channel.phase === 'open') return channel.key === 'own' ? 'secured' : 'default_key';
  return guarded && facts.securityReason === null ? facts.security : 'none';
}

/** The PD reported its identity. */
function identify(before: PdState, identity: Identity, nowMs: number): Step {
  const known = before.facts.identity;
  const { pd, notes } = onTurn(before, known, identity);
  const identified = { ...pd, identifiedMs: nowMs, identityRefused: false };
  const same = known !== null && sameDevice(known, identity);
  if (same && known.version === identity.version && known.firmware === identity.firmware) return { pd: identified, notes };
  if (same) {
    const fields = { before: known.firmware, after: identity.firmware };
    notes.push({ level: 'info', event: 'osdp_firmware_changed', message: 'the peripheral runs another firmware', fields });
  } else if (known) notes.push({ level: 'warn', event: 'osdp_pd_replaced', message: 'another peripheral answers at this address' });
  const other = known && !same ? untold(identified) : withFacts({ ...identified, capabilitiesMs: null }, { capabilities: null });
  return { pd: withFacts({ ...other, statusMs: null }, { identity }), notes };
}

/** A command outside of the handshake was answered. */
export function onAnswer(pd: PdState, pending: Pending, reply: Reply, nowMs: number): Step {
  switch (pending.purpose) {
    case 'identify':
      return reply.kind === 'identity' ? identify(pd, reply.identity, nowMs) : refused(pd, pending, reply, nowMs);
    case 'capabilities':
      if (reply.kind !== 'capabilities') return refused(pd, pending, reply, nowMs);
      return { pd: learnt({ ...pd, capabilitiesMs: nowMs }, reply), notes: [] };
    case 'status':
      return reply.kind === 'localStatus' ? onReport(pd, reply, nowMs) : refused(pd, pending, reply, nowMs);
    case 'readers':
    case 'inputs':
    case 'outputs':
      return reply.kind === pending.purpose ? onReport(pd, reply, nowMs) : refused(pd, pending, reply, nowMs);
    default:
      return onReport(pd, reply, nowMs);
  }
}

function learnt(pd: PdState, { capabilities }: Extract<Reply, { kind: 'capabilities' }>): PdState {
  const same = JSON.stringify(capabilities) === JSON.stringify(pd.facts.capabilities);
  return same ? pd : withFacts(pd, { capabilities });
}

/** Tamper and power as the PD reports them. In clear they are ignored where an own key is configured: any device on the line could send them. */
function withStatus(pd: PdState, powerFault: boolean | null): PdState {
  const { ownTamper, readerTamper } = pd;
  if (pd.guarded && pd.channel.phase !== 'open') return pd;
  const known = ownTamper !== null || readerTamper === true;
  return withFacts(pd, {
    ...(known && { tamper: ownTamper === true || readerTamper === true }),
    ...(powerFault !== null && { powerFault }),
  });
}

/** What comes with a poll or a status. */
function onReport(before: PdState, reply: Reply, nowMs: number): Step {
  const { pd: proven, notes } = prove(before);
  const pd = withFacts(proven, { security: provenSecurity(proven) });
  switch (reply.kind) {
    case 'ack':
      return { pd, notes };
    case 'localStatus':
      return { pd: withStatus({ ...pd, statusMs: nowMs, ownTamper: reply.tamper }, reply.powerFault), notes };
    case 'readers':
      return { pd: withStatus({ ...pd, readersMs: nowMs, readerTamper: reply.tampered.includes(true) }, null), notes };
    case 'inputs':
    case 'outputs':
      return { pd: withTold(pd, reply, nowMs), notes };
    default: {
      const fields = { reply: reply.kind, ...('code' in reply && { code: reply.code, bytes: reply.bytes }) };
      const known = reply.kind === 'cardData' || reply.kind === 'cardText' ? withTold(pd, reply, nowMs) : pd;
      return {
        pd: known,
        notes: [...notes, { level: 'debug', event: 'osdp_report', message: 'the peripheral reports something', fields }],
      };
    }
  }
}

/** Repeats a request whose answer had too little protection to be accepted at once. */
export function doubt(pd: PdState, reply: Reply, said: string): PdState {
  const again: Partial<Record<Reply['kind'], Partial<PdState>>> = {
    localStatus: { statusMs: null },
    readers: { readersMs: null },
    inputs: { inputsMs: null },
    outputs: { outputsMs: null },
  };
  return { ...pd, doubted: said, ...again[reply.kind] };
}
