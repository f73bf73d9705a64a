import { reportStep } from '../../../../../agent/cloud/shadow/report-machine.ts';
import {
  initialReport,
  type Job,
  type ReportConfig,
  type ReportEffect,
  type ReportEvent,
  type ReportState,
} from '../../../../../agent/cloud/shadow/report-state.ts';
import { type ErrorCode, HubError } from '../../../../../agent/system/errors.ts';

export const WALL = 1_795_300_000_000;
const IDENTITY = { hubId: 'h', serial: 's', model: 'm', vendorName: 'v', version: '1.0.0' };
export const CONFIG: ReportConfig = { identity: IDENTITY, heartbeatMs: 900_000 };
export const NODES = { total: 2, available: 1, scanComplete: true };
export const LAST = {
  id: 'c',
  command: 'get_nodes',
  status: 'SUCCEEDED',
  receivedAt: 1,
  resultTopic: 't',
  result: { some: 'thing' },
} as const;
export const WITHOUT_RESULT = { id: 'c', command: 'get_nodes', status: 'SUCCEEDED', receivedAt: 1, resultTopic: 't' };
export const REPORT: Job = { type: 'report', id: 7, lastCommand: LAST };
export const CLEAR: Job = { type: 'clear', id: 8, version: 6, lastCommand: LAST };

// Events.
export const attach = { type: 'attach', session: 's1' } as const;
export const tick = { type: 'tick' } as const;
export const job = (what: Job) => ({ type: 'job', job: what }) as const;
export const view = (version: number, reported = {}, bytes = 100, onlineAgeSeconds: number | null = 3_600) =>
  ({ type: 'view', reported, version, bytes, onlineAgeSeconds }) as const;
export const answered = (op: number, version: number) => ({ type: 'answered', op, version }) as const;
export const failed = (op: number, code: ErrorCode) => ({ type: 'failed', op, error: new HubError(code, code) }) as const;
export const set = (total: number, quiet = false) => ({ type: 'set', sections: { nodes: { ...NODES, total } }, quiet }) as const;

export const step = (state: ReportState, event: ReportEvent, at: number) =>
  reportStep(CONFIG, state, event, { nowMs: at, wallMs: WALL + at, uptimeSeconds: at / 1000, random: 1 });

/** Feeds events one after the other at their times; answers the last step. */
export function play(from: ReportState, ...events: [ReportEvent, number][]) {
  let last: { state: ReportState; effects: ReportEffect[] } = { state: from, effects: [] };
  for (const [event, at] of events) last = step(last.state, event, at);
  return last;
}

export const sent = (effects: ReportEffect[]) => effects.flatMap((effect) => (effect.type === 'send' ? [effect] : []));
export const reportedBy = (effects: ReportEffect[]) => sent(effects)[0]?.update.reported;
/** One word for each effect, with the code of its error. */
export const wordsOf = (effects: ReportEffect[]) =>
  effects.map((effect) => {
    if (effect.type === 'log') return effect.event;
    return 'error' in effect ? `${effect.type} ${effect.error?.code ?? 'ok'}` : effect.type;
  });

export const noLink = initialReport();
/** The read is on its way. */
export const reading = play(noLink, [attach, 0]).state;
/** An `offline` was heard of meanwhile: a greeting (1) is on its way, too. */
export const unread = play(reading, [{ type: 'refresh' }, 0]).state;
export const greeted = play(unread, [answered(1, 5), 100]).state;
/** The picture is read; the first report is due at 1 000. */
export const known = play(greeted, [view(5), 200]).state;
/** The first report (2) is on its way. */
export const inFlight = play(known, [tick, 1_000]).state;
export const confirmed = play(inFlight, [answered(2, 6), 1_100]).state;
export const refused = play(inFlight, [failed(2, 'shadow_throttled'), 1_100]).state;
export const timedOut = play(inFlight, [failed(2, 'cloud_timeout'), 6_000]).state;
export const commandInFlight = play(confirmed, [job(REPORT), 2_000]).state;
export const clearInFlight = play(confirmed, [job(CLEAR), 2_000]).state;
export const leavingUngreeted = play(unread, [{ type: 'goodbye' }, 50]).state;
export const farewellInFlight = play(confirmed, [{ type: 'goodbye' }, 2_000]).state;
