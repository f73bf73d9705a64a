/**
 * What happens in the harness, as the page shows and a recording keeps it. `at` is the harness's clock, epoch milliseconds with a fraction. Nothing in an
 * event is secret: who makes one masks first (scripts/demo/page/mask.ts). Kinds and fields are only added; a reader ignores what it does not know.
 */
export type HarnessEvent = { at: number } & EventBody;

/** An event without its time. */
export type EventBody =
  | StartEvent
  | AgentEvent
  | BrokerEvent
  | PacketEvent
  | PresenceEvent
  | ShadowEvent
  | ResultEvent
  | FrameEvent
  | PollsEvent
  | LogEvent
  | ApiEvent
  | NodesEvent
  | VitalsEvent
  | WifiEvent
  | FaultEvent;

/** The run begins. */
export interface StartEvent {
  kind: 'start';
  hubId: string;
  api: string;
  iotCore: string;
  /** Whether there is a serial line to watch; absent: there is. */
  osdp?: boolean;
}

/** The agent's process, as the kernel has it. */
export interface AgentEvent {
  kind: 'agent';
  state: 'started' | 'ended' | 'frozen' | 'thawed';
  pid: number;
  /** Exit code or signal. */
  code?: number | string;
}

/** What the broker notes about its clients. */
export interface BrokerEvent {
  kind: 'broker';
  what: string;
  /** Whether it is the hub's client. */
  hub: boolean;
  reason: string;
}

/** An MQTT packet of the hub's connection. */
export interface PacketEvent {
  kind: 'packet';
  /** `up` is from the hub. */
  direction: 'up' | 'down';
  type: string;
  bytes: number;
  topic?: string;
  qos?: number;
  retain?: boolean;
  /** Its payload, masked and cut. */
  text?: string;
  /** Of a PUBACK: milliseconds since the PUBLISH that it answers. */
  answeredMs?: number;
}

/** A message on the hub's presence topic. */
export interface PresenceEvent {
  kind: 'presence';
  state: string;
  session: string;
}

/** The shadow after a change. */
export interface ShadowEvent {
  kind: 'shadow';
  version: number;
  desired: Record<string, unknown>;
  reported: Record<string, unknown>;
}

/** A page of a command's result. */
export interface ResultEvent {
  kind: 'result';
  id: string;
  command: string;
  status: string;
  page: number;
  pages: number;
  text: string;
}

/** An OSDP frame that is no quiet poll. */
export interface FrameEvent {
  kind: 'frame';
  /** `down` is from the panel. */
  direction: 'up' | 'down';
  address: number;
  name: string;
  bytes: number;
  /** What it says; keys and cards masked. */
  text: string;
  /** It went through a secure channel. */
  sealed: boolean;
}

/** Polls that were answered by ACK, or not at all: milliseconds after `at`, address, milliseconds to the answer (null: none). */
export interface PollsEvent {
  kind: 'polls';
  list: [offsetMs: number, address: number, answerMs: number | null][];
}

/** A line of the agent's log. */
export interface LogEvent {
  kind: 'log';
  level: string;
  event: string;
  text: string;
  fields: Record<string, unknown>;
}

/** A request of the public API. */
export interface ApiEvent {
  kind: 'api';
  method: string;
  call: string;
  /** Null: the answer was lost on purpose. */
  status: number | null;
}

/** A node, as far as the page shows it; the words are the contract's. */
export interface NodeRow {
  nodeId: string;
  protocol: string;
  available: boolean;
  vendor: string | null;
  model: string | null;
  serialNumber: string | null;
  firmwareVersion: string | null;
  security: string | null;
  securityReason: string | null;
  tamper: boolean | null;
  powerFault: boolean | null;
  problem: string | null;
  replaced: boolean;
  lastSeen: string | null;
  /** What a Zigbee device reported, and inputs and outputs of an OSDP device that are not at rest, as words. */
  readings: string;
  /** Per cent, in steps of five; null: not known. */
  quality: number | null;
}

/** The node table on the hub, when it changed. */
export interface NodesEvent {
  kind: 'nodes';
  nodes: NodeRow[];
}

/** The hub's own account of itself, and the kernel's of its process. */
export interface VitalsEvent {
  kind: 'vitals';
  version: string;
  phase: string;
  port: number;
  session: string | null;
  uptimeSeconds: number | null;
  rssBytes: number | null;
  /** Share of a core since the vitals before, 0…; null: not known. */
  cpu: number | null;
  reconnects: number;
  buses: { id: string; state: string; reason: string | null }[];
}

/** The Wi-Fi network that the hub is on. */
export interface WifiEvent {
  kind: 'wifi';
  network: string | null;
}

/** A fault is switched on or off, or done. */
export interface FaultEvent {
  kind: 'fault';
  id: string;
  /** `end` is the other side of a switch. */
  action: 'begin' | 'end';
  /** What was done, in the past tense. */
  title: string;
  /** The address that it is about. */
  target?: number;
}

/** The first line of a recording. */
export interface RecordingHead {
  format: 'hub-agent-run';
  version: 1;
  savedAt: number;
  events: number;
}
