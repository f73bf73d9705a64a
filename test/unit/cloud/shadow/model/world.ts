import { initialReport, type ReportState } from '../../../../../agent/cloud/shadow/report-state.ts';
import type { Document } from '../../../../../agent/cloud/shadow/reported-picture.ts';
import type { ShadowUpdate } from '../../../../../agent/contract/shadow.ts';
import type { ErrorCode } from '../../../../../agent/system/errors.ts';

/** The shadow does not tell the truth. */
export class Untrue extends Error {}

/** How much happens. Each at any moment, in any combination. */
export interface Luck {
  /** A request or its answer is lost, an update is late, repeated or refused. */
  faults: number;
  /** The link falls, and its will is published. */
  falls: number;
  /** The process dies as well, and the next one knows nothing. */
  crashes: number;
  /** Something that is reported changes. */
  changes: number;
  /** Another client writes into the reported state. */
  foreign: number;
  /** Commands whose answer is reported. */
  commands: number;
}

/** A request on its way. `left`: milliseconds in which it, and its answer, come to an end. */
export type Request =
  | { type: 'read'; left: number }
  /** `stale`: the hub does not wait for it any more. */
  | { type: 'update'; op: number; update: ShadowUpdate; stale: boolean; left: number };

export type Message =
  | { type: 'answered'; op: number; version: number; left: number }
  | { type: 'failed'; op: number; code: ErrorCode; left: number }
  /** `settled`: no will, and no write of the rule, was to come when it was read. */
  | { type: 'view'; version: number; reported: Document; settled: boolean; left: number }
  /** The hub hears on its own presence topic that it is offline. */
  | { type: 'refresh'; left: number };

/** One state of everything. The present is always 0: times are relative to it. */
export interface World {
  hub: ReportState;
  /** The number of the session; the machine's session is its name. */
  session: number;
  /** What the hub has to say. */
  nodes: number;
  command: number;
  /** The answer of the command still has to be given to the machine (again). */
  commandWaits: boolean;
  /** The newest version that an update of this link was accepted with: older views are not shown to the machine. */
  written: number;

  shadow: { version: number; reported: Document };
  /** Sessions whose will the broker has not published yet. */
  wills: number[];
  /** Writes of `online: false` that the cloud's rule has decided on; milliseconds in which each is done. */
  rule: number[];
  toCloud: Request[];
  toHub: Message[];
  /** Heartbeats that it may take until the truth is told, because another hand wrote. */
  owed: number;
  luck: Luck;
}

export const HEARTBEAT_MS = 900_000;
/** What is due later than this is the heartbeat, the comparison, or the repetition of a comparison. */
export const LONG_MS = 600_000;
/** A will is published earlier: after one and a half keep-alives of 30 s at the latest. */
const WILL_MS = 46_000;
const VIEW_MS = 60_000;
const SENT_MS = 1_000;
const BASE = 100;
const DAY_MS = 86_400_000;

export const sessionName = (session: number) => `s${session}`;

/** What the hub reports beside its presence. */
export const sectionsOf = (nodes: number) => ({ nodes: { total: nodes, available: nodes, scanComplete: true } });

export function firstWorld(luck: Luck): World {
  return {
    hub: { ...initialReport(), sections: sectionsOf(0) },
    session: 9,
    nodes: 0,
    command: 0,
    commandWaits: false,
    written: 0,
    shadow: { version: BASE, reported: {} },
    wills: [],
    rule: [],
    toCloud: [],
    toHub: [],
    owed: 0,
    luck,
  };
}

/** A copy; what the machine and the service hold is replaced, never changed, and shared. */
export function copyOf(world: World): World {
  return {
    ...world,
    hub: { ...world.hub },
    shadow: { ...world.shadow },
    wills: [...world.wills],
    rule: [...world.rule],
    toCloud: world.toCloud.map((request) => ({ ...request })),
    toHub: world.toHub.map((message) => ({ ...message })),
    luck: { ...world.luck },
  };
}

/** True when a timer may fire in so many milliseconds, and nothing that is under way must have happened before. */
export function mayPass({ toCloud, toHub, wills, rule }: World, ms: number): boolean {
  const network = [...toCloud, ...toHub];
  if (network.some(({ left }) => left < ms) || rule.some((left) => left < ms)) return false;
  return ms < WILL_MS || wills.length === 0;
}

/** Lets time pass. */
export function pass(world: World, ms: number): void {
  world.rule = world.rule.map((left) => left - ms);
  for (const item of [...world.toCloud, ...world.toHub]) item.left -= ms;
  const { hub } = world;
  hub.lastSentMs -= ms;
  hub.lastReportMs -= ms;
  hub.lastViewMs -= ms;
  if (hub.reportDueMs !== null) hub.reportDueMs -= ms;
  if (hub.readDueMs !== null) hub.readDueMs -= ms;
  if (hub.reassureDueMs !== null) hub.reassureDueMs -= ms;
  if (hub.farewell) hub.farewell = { untilMs: hub.farewell.untilMs - ms };
}

/**
 * One world for all that behave alike. Numbers of versions, sessions and updates count from the newest; a time is kept as exactly as the
 * machine looks at it: what is due soon to the millisecond; the last view, a heartbeat and a day as such.
 */
export function canonical(world: World): World {
  const { hub } = world;
  if (hub.lastSentMs <= -SENT_MS) hub.lastSentMs = Number.NEGATIVE_INFINITY;
  hub.lastViewMs = hub.lastViewMs > -VIEW_MS ? 0 : Number.NEGATIVE_INFINITY;
  hub.lastReportMs = hub.lastReportMs > -LONG_MS ? 0 : -HEARTBEAT_MS;
  if (hub.reportDueMs !== null && hub.reportDueMs > LONG_MS) hub.reportDueMs = HEARTBEAT_MS;
  if (hub.readDueMs !== null && hub.readDueMs > LONG_MS) hub.readDueMs = hub.readDueMs > HEARTBEAT_MS ? DAY_MS : HEARTBEAT_MS;
  if (hub.unconfirmedSinceMs !== null) hub.unconfirmedSinceMs = 0;
  hub.failures = Math.min(hub.failures, 9);
  renumber(world);
  if (world.toCloud.length > 1) world.toCloud = world.toCloud.toSorted(byText);
  if (world.toHub.length > 1) world.toHub = world.toHub.toSorted(byText);
  return world;
}

const byText = (a: object, b: object) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

function renumber(world: World): void {
  const { hub, toCloud, toHub, shadow } = world;
  const versions = BASE - shadow.version;
  const ops = BASE - hub.nextOp;
  shadow.version = BASE;
  world.written = world.written === 0 ? 0 : world.written + versions;
  hub.nextOp = BASE;
  if (hub.version !== null) hub.version += versions;
  if (hub.greeting !== null) hub.greeting += ops;
  if (hub.inFlight) {
    const { op, base, viewed } = hub.inFlight;
    const numbers = { base: base === null ? null : base + versions, viewed: viewed === null ? null : viewed + versions };
    hub.inFlight = { ...hub.inFlight, op: op + ops, ...numbers };
  }
  for (const request of toCloud) if (request.type === 'update') request.op = request.stale ? 0 : request.op + ops;
  for (const message of toHub) {
    if ('op' in message) message.op += ops;
    if ('version' in message) message.version += versions;
  }
}

export const keyOf = (world: World) => JSON.stringify(world);
