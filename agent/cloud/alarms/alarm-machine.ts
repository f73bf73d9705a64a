import { ALARM_KINDS, type Alarm, type AlarmKind } from '../../contract/alarm.ts';

/** Alarms in the shadow: at most 1 KB of its 8. */
export const MAX_SHOWN = 8;
/** Alarms that are remembered: a full OSDP line in the worst state, and the hub's own. */
export const MAX_ALARMS = 128;
/** An alarm whose cause is gone stays this long. */
export const CLEARED_MS = 86_400_000;
/** A moment stays this long. */
export const MOMENT_MS = 7 * 86_400_000;
/**
 * What a flapping or hostile source may cost: of each kind this many messages at once, and then one in each interval. What is throttled goes with the
 * next report, at the latest with the next heartbeat. That makes 16 messages for a kind on its first day and 12 on each day that follows. A device
 * on a bus has three kinds, all together are six.
 */
export const ALARM_BURST = 4;
export const ALARM_REFILL_MS = 7_200_000;

const MOMENTS: ReadonlySet<AlarmKind> = new Set<AlarmKind>(['taken_over', 'local_change']);

interface Bucket {
  tokens: number;
  /** When `tokens` was right, monotonic. */
  atMs: number;
}

export interface AlarmsState {
  /** Oldest first. */
  list: readonly Alarm[];
  /** Since when each of the list stands as it is, monotonic; counted while the process runs. */
  heldMs: ReadonlyMap<Alarm, number>;
  buckets: Partial<Record<AlarmKind, Bucket>>;
}

export type AlarmsEvent = { type: 'raise' | 'clear'; kind: AlarmKind; node: string | null } | { type: 'prune' };

export interface AlarmsStep {
  state: AlarmsState;
  /** The list is another one: it is to be kept and reported. */
  changed: boolean;
  /** Worth a message of its own. */
  urgent: boolean;
}

/** The alarms before the first one. */
export const NO_ALARMS: AlarmsState = { list: [], heldMs: new Map(), buckets: {} };

/** One step of the alarms. `nowMs` is monotonic, `wallMs` epoch milliseconds. Pure. */
export function alarmsStep(before: AlarmsState, event: AlarmsEvent, nowMs: number, wallMs: number): AlarmsStep {
  const step = stepOf(before, event, nowMs, wallMs);
  const heldMs = new Map(step.state.list.map((alarm) => [alarm, before.heldMs.get(alarm) ?? nowMs]));
  return { ...step, state: { ...step.state, heldMs } };
}

function stepOf(before: AlarmsState, event: AlarmsEvent, nowMs: number, wallMs: number): AlarmsStep {
  const heldFor = (alarm: Alarm) => nowMs - (before.heldMs.get(alarm) ?? nowMs);
  const state = { ...before, list: before.list.filter((alarm) => !isOver(alarm, wallMs, heldFor(alarm))) };
  const pruned = state.list.length < before.list.length;
  if (event.type === 'prune') return { state, changed: pruned, urgent: false };
  const { kind, node } = event;
  const known = state.list.find((alarm) => alarm.kind === kind && alarm.node === node);
  const next = event.type === 'raise' ? raised(kind, node, known, wallMs) : cleared(known, wallMs);
  if (!next) return { state, changed: pruned, urgent: false };
  const list = known ? state.list.map((alarm) => (alarm === known ? next : alarm)) : withRoom(state.list, kind);
  if (!list) return { state, changed: pruned, urgent: false };
  const taken = take(state.buckets[kind] ?? { tokens: ALARM_BURST, atMs: nowMs }, nowMs);
  return {
    state: { ...state, list: known ? list : [...list, next], buckets: { ...state.buckets, [kind]: taken.bucket } },
    changed: true,
    urgent: taken.ok,
  };
}

/** What the shadow shows: of each kind the oldest at least, the rest by age, those that stand first. The newest are left out first. */
export function shownAlarms(list: readonly Alarm[]): Alarm[] {
  const byAge = list.toSorted((a, b) => Number(a.until !== undefined) - Number(b.until !== undefined) || a.since - b.since);
  const firsts = ALARM_KINDS.flatMap((kind) => byAge.find((alarm) => alarm.kind === kind) ?? []);
  const rest = byAge.filter((alarm) => !firsts.includes(alarm));
  return [...firsts, ...rest].slice(0, MAX_SHOWN).toSorted((a, b) => a.since - b.since);
}

function raised(kind: AlarmKind, node: string | null, known: Alarm | undefined, wallMs: number): Alarm | null {
  if (!known || MOMENTS.has(kind)) return { kind, node, since: wallMs };
  return known.until === undefined ? null : { kind, node, since: known.since };
}

function cleared(known: Alarm | undefined, wallMs: number): Alarm | null {
  return known && known.until === undefined ? { ...known, until: wallMs } : null;
}

/** By its times, or by how long it was held: its times lie in the future when the clock was wrong as they were taken. */
function isOver({ kind, since, until }: Alarm, wallMs: number, heldForMs: number): boolean {
  const age = (atMs: number) => Math.max(wallMs - atMs, heldForMs);
  if (until !== undefined) return age(until) > CLEARED_MS;
  return MOMENTS.has(kind) && age(since) > MOMENT_MS;
}

/** Room for one more; null when there is none: then nothing of the kind that has come before goes. */
function withRoom(list: readonly Alarm[], kind: AlarmKind): readonly Alarm[] | null {
  if (list.length < MAX_ALARMS) return list;
  const gone = list.find(({ until }) => until !== undefined);
  const most = list.findLast((alarm) => list.some((other) => other !== alarm && other.kind === alarm.kind));
  const leaves = gone ?? (list.some((alarm) => alarm.kind === kind) ? undefined : most);
  return leaves ? list.filter((alarm) => alarm !== leaves) : null;
}

function take({ tokens, atMs }: Bucket, nowMs: number): { bucket: Bucket; ok: boolean } {
  const filled = Math.min(ALARM_BURST, tokens + (nowMs - atMs) / ALARM_REFILL_MS);
  const ok = filled >= 1;
  return { bucket: { tokens: ok ? filled - 1 : filled, atMs: nowMs }, ok };
}
