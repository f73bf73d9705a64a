import type { Node } from '../../../../agent/contract/node.ts';
import type { Masker } from '../mask.ts';
import type { EventBody, NodeRow, VitalsEvent } from '../model/events.ts';

/** How often the hub is asked for all of itself. */
const VITALS_MS = 5_000;
/** Kernel time is counted in hundredths of a second (proc(5), USER_HZ). */
const TICKS_PER_SECOND = 100;

/** The way to ask a hub about itself. */
export interface HubQuestions {
  /** The answer of the control API (agent/control/api.ts) to a GET of this path. @throws Error when there is none */
  ask(path: string): Promise<unknown>;
  /** Processor time that a process has used, in ticks; null where the kernel does not tell. */
  ticksOf(pid: number): Promise<number | null>;
  /** How often the hub is asked for its nodes, milliseconds. */
  readonly everyMs: number;
}

export interface HubTapDeps {
  questions: HubQuestions;
  mask: Masker;
  emit(body: EventBody): void;
  nowMs(): number;
}

/** The part of `GET /v1/status` that is shown. */
interface Status {
  agent: { version: string; pid: number; uptimeSeconds: number; rssBytes: number | null };
  cloud: { phase: string; port: number; session: string | null; reconnectCount: number };
  buses: { id: string; state: string; error?: { reason?: string } }[];
}

/** Asks the hub about itself as hubctl does, and tells what changed. An agent that does not answer is asked again. Returns how it ends. */
export function tapHub({ questions, mask, emit, nowMs }: HubTapDeps): () => void {
  const vitalsEvery = Math.max(1, Math.round(VITALS_MS / questions.everyMs));
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let rounds = 0;
  let lastNodes = '';
  let lastVitals = '';
  let cpuBefore: { pid: number; ticks: number; atMs: number } | null = null;

  async function cpuOf(pid: number): Promise<number | null> {
    const ticks = await questions.ticksOf(pid);
    const atMs = nowMs();
    const before = cpuBefore;
    cpuBefore = ticks === null ? null : { pid, ticks, atMs };
    if (ticks === null || before?.pid !== pid || atMs <= before.atMs) return null;
    return Math.round(((ticks - before.ticks) / TICKS_PER_SECOND / ((atMs - before.atMs) / 1_000)) * 1_000) / 1_000;
  }

  async function nodes(): Promise<void> {
    const { nodes } = (await questions.ask('/v1/nodes')) as { nodes: Node[] };
    const rows = mask.value(nodes.map(rowOf));
    // That it was heard a moment ago is no news.
    const text = JSON.stringify(rows.map((row) => ({ ...row, lastSeen: row.available ? null : row.lastSeen })));
    if (text === lastNodes || ended) return;
    lastNodes = text;
    emit({ kind: 'nodes', nodes: rows });
  }

  async function vitals(): Promise<void> {
    const { agent, cloud, buses } = (await questions.ask('/v1/status')) as Status;
    const event: VitalsEvent = {
      kind: 'vitals',
      version: agent.version,
      phase: cloud.phase,
      port: cloud.port,
      session: cloud.session,
      uptimeSeconds: agent.uptimeSeconds,
      rssBytes: agent.rssBytes,
      cpu: await cpuOf(agent.pid),
      reconnects: cloud.reconnectCount,
      buses: buses.map(({ id, state, error }) => ({ id, state, reason: error?.reason ?? null })),
    };
    const text = JSON.stringify(event);
    if (text !== lastVitals && !ended) emit(event);
    lastVitals = text;
  }

  async function round(): Promise<void> {
    try {
      await nodes();
      if (rounds % vitalsEvery === 0) await vitals();
      rounds += 1;
    } catch {
      // No agent, or one that stands still: what the page shows of its process says so.
      rounds = 0;
    }
    if (!ended) timer = setTimeout(round, questions.everyMs);
  }

  timer = setTimeout(round, 0);
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}

/** `linkQuality` is 0 to 255 (contract, "Node"). A step says enough, and is no news with every poll. */
const qualityOf = (linkQuality: number | null): number | null => (linkQuality === null ? null : Math.round((linkQuality / 255) * 20) * 5);

const notAtRest = (name: string, states: readonly string[] | null | undefined): string[] =>
  (states ?? []).flatMap((state, index) => (state === 'inactive' ? [] : [`${name} ${index + 1} ${state}`]));

function rowOf(node: Node): NodeRow {
  const {
    nodeId,
    protocol,
    available,
    vendor,
    model,
    serialNumber,
    firmwareVersion,
    security,
    securityReason,
    tamper,
    powerFault,
    problem,
  } = node;
  const readings = [
    ...Object.entries(node.zigbee?.readings ?? {}).map(([name, reading]) => `${name} ${String(reading?.value)}`),
    ...notAtRest('input', node.inputs),
    ...notAtRest('output', node.outputs),
  ];
  return {
    nodeId,
    protocol,
    available,
    vendor,
    model,
    serialNumber,
    firmwareVersion,
    security,
    securityReason,
    tamper,
    powerFault,
    problem,
    replaced: node.replaced !== null,
    lastSeen: node.lastSeen,
    readings: readings.join(', '),
    quality: qualityOf(node.linkQuality),
  };
}
