import type { AgentEvent, NodeRow, VitalsEvent } from './events.ts';

/** Everything that the page shows, as plain data: a snapshot of it is JSON, and the events after it give the same state again. */
export interface ViewState {
  /** Time of the last event, epoch milliseconds. */
  now: number;
  hub: HubView;
  shadow: ShadowView;
  nodes: NodeRow[];
  commands: CommandView[];
  stories: Story[];
  /** Faults that are switched on. */
  faults: { id: string; target: number | null; since: number }[];
  packets: LanePacket[];
  frames: LaneFrame[];
  trace: TraceRow[];
  seconds: SecondView[];
  /** How many rows were ever added to `trace`: the number of its last row. */
  traced: number;
  /** How many stories and commands there ever were: their numbers. */
  told: number;
  commanded: number;
}

export interface HubView {
  hubId: string | null;
  api: string | null;
  iotCore: string | null;
  /** False: there is no serial line to watch. */
  osdp: boolean;
  /** The retained presence message. */
  presence: { state: string; session: string; at: number } | null;
  agent: { state: AgentEvent['state'] | 'unknown'; pid: number | null; since: number };
  /** Whether the broker has a connection of the hub. */
  connected: boolean;
  vitals: Omit<VitalsEvent, 'kind'> | null;
  wifi: string | null;
}

/** The shadow, leaf by leaf. */
export interface ShadowView {
  version: number;
  desired: Record<string, unknown>;
  reported: Record<string, unknown>;
  /** When each leaf last changed, by its path; bounded by the shadow's size. */
  changed: Record<string, number>;
}

export interface CommandView {
  number: number;
  id: string | null;
  command: string;
  /** The args as they stood in the shadow, masked. */
  args: string;
  status: string;
  /** Error code and message, or what the API said. */
  error: string | null;
  /** Fields that were refused. */
  details: { field: string; message: string }[];
  stages: { name: string; at: number }[];
  /** How often the agent began to run it, as its log says. */
  runs: number;
  result: string | null;
}

/** What the hub did about a fault. */
export interface Story {
  number: number;
  fault: string;
  target: number | null;
  at: number;
  steps: { at: number; text: string; kind: 'act' | 'hub' }[];
  /** Names of what has been told; not again. */
  told: string[];
  /** How things were before. */
  before: { available: number; session: string | null; command: number };
  open: boolean;
}

export interface LanePacket {
  at: number;
  up: boolean;
  type: string;
  topic: string;
  bytes: number;
  text: string;
}

export interface LaneFrame {
  at: number;
  up: boolean;
  address: number;
  name: string;
  text: string;
  sealed: boolean;
}

export type TraceSource = 'log' | 'mqtt' | 'osdp' | 'api' | 'broker' | 'fault';

export interface TraceRow {
  number: number;
  at: number;
  source: TraceSource;
  level: 'quiet' | 'info' | 'warn' | 'error';
  title: string;
  text: string;
}

/** One second of traffic. */
export interface SecondView {
  second: number;
  up: number;
  down: number;
  frames: number;
  /** Sum and number of the peripherals' answer times, milliseconds. */
  answerMs: number;
  answers: number;
  /** The same of the hub's acknowledgements. */
  ackMs: number;
  acks: number;
}

export function emptyState(): ViewState {
  return {
    now: 0,
    hub: {
      hubId: null,
      api: null,
      iotCore: null,
      osdp: true,
      presence: null,
      agent: { state: 'unknown', pid: null, since: 0 },
      connected: false,
      vitals: null,
      wifi: null,
    },
    shadow: { version: 0, desired: {}, reported: {}, changed: {} },
    nodes: [],
    commands: [],
    stories: [],
    faults: [],
    packets: [],
    frames: [],
    trace: [],
    seconds: [],
    traced: 0,
    told: 0,
    commanded: 0,
  };
}

/** Most that a state keeps of each. A quarter more may stand there for a while: trimming in steps keeps an event cheap. */
export const KEPT = { commands: 60, stories: 40, packets: 2_000, frames: 4_000, trace: 10_000, seconds: 600, faults: 64 } as const;

/** Adds to the end; from a quarter above the bound the oldest go. */
export function keep<T>(list: T[], item: T, bound: number): void {
  list.push(item);
  if (list.length > bound * 1.25) list.splice(0, list.length - bound);
}
