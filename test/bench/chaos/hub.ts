import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shadowCommandId } from '../../../agent/commands/intake/intake.ts';
import type { AgentProcess, LogLine } from '../../hil/rig/agent-process.ts';
import { createRig, type Rig } from '../../hil/rig/rig.ts';
import { createSignal, type Subscribe } from '../../hil/rig/until.ts';
import type { BrokerMessage } from '../../twins/iot-core/types.ts';
import { createSmallDisk, type SmallDisk } from './disk.ts';
import { createLedger, type Ledger } from './ledger.ts';
import type { Moment, PlannedCommand } from './plan.ts';
import { createPresenceCheck, type PresenceCheck } from './presence.ts';

/** Short enough for a run of minutes, and long enough for the SDK's fixed 10 s for an acknowledgement to matter as it does at 30 s. */
const KEEP_ALIVE_SECONDS = 10;
/** The promise: presence is wrong for at most 1.5 keepalives and 5 s. */
export const BOUND_MS = 1.5 * KEEP_ALIVE_SECONDS * 1000 + 5_000;
/** The last so many lines of what happened to a hub are kept for a failed run's record. */
const MAX_RECORD = 50_000;
const PRELOAD = new URL('./wall-clock-preload.ts', import.meta.url).href;

/** One hub under chaos: its world, its changing agent process, and what the outside sees of both. */
export interface ChaosHub {
  readonly name: string;
  readonly rig: Rig;
  readonly ledger: Ledger;
  readonly presence: PresenceCheck;
  readonly disk: SmallDisk;
  /** Called whenever anything changed. */
  readonly changed: Subscribe;
  /** The process now; null while there is none. */
  agent(): AgentProcess | null;
  launch(): void;
  /** Ends the process; resolves with its exit code or signal. */
  end(how: 'kill' | 'stop'): Promise<number | string | null>;
  hang(hung: boolean): void;
  halfOpen(): void;
  /** Moves the hub's wall clock. */
  setClock(offsetMs: number): Promise<void>;
  /** What was written to `desired` belongs to this plan: its id is found when the delta is seen. */
  expect(plan: PlannedCommand): void;
  onMoment(listener: (moment: Moment) => void): () => void;
  note(what: string): void;
  /** What happened, in order, for a person. */
  record(): string;
  dispose(): Promise<void>;
}

interface Answer {
  id?: unknown;
  status?: unknown;
  error?: { code?: unknown };
}

/** Makes the world of one hub, without a process. Some hubs have a serial line, whose scans take a while. */
export async function createChaosHub(options: { name: string; withLine: boolean; seed: number }): Promise<ChaosHub> {
  const { name } = options;
  const rig = await createRig({
    ...(options.withLine && { peripherals: [{ address: 0 }, { address: 3 }], addresses: ['0-9'] }),
    iotCore: { limits: { minKeepAliveSeconds: 1 }, seed: options.seed },
    config: {
      cloud: {
        keepAliveSeconds: KEEP_ALIVE_SECONDS,
        allowShortKeepAlive: true,
        // A run of minutes has no time for waits of minutes; the machine is the same.
        connect: { spreadSeconds: 0, minBackoffMs: 500, maxBackoffMs: 4_000, resetAfterMs: 5_000 },
      },
      commands: { intake: ['shadow', 'executions'] },
    },
  });
  const disk = await createSmallDisk(join(rig.folder, 'state'));
  const clockFile = join(rig.folder, 'clock-offset');
  const ledger = createLedger();
  const signal = createSignal();
  const moments = new Set<(moment: Moment) => void>();
  const record: string[] = [];
  const startedMs = performance.now();
  const presence = createPresenceCheck({
    nowMs: () => performance.now(),
    boundMs: BOUND_MS,
    onLate: (said, tookMs) => note(`PRESENCE said ${said ? 'online' : 'offline'} wrongly for ${Math.round(tookMs)} ms`),
  });
  let agent: AgentProcess | null = null;
  let expected: PlannedCommand | null = null;
  let standing: string | null = null;
  let idKey: Buffer | null = null;
  let link: 'none' | 'works' | 'silent' = 'none';
  let hung = false;
  let disposed = false;

  function note(what: string): void {
    record.push(`${((performance.now() - startedMs) / 1000).toFixed(3)} ${what}`);
    if (record.length > MAX_RECORD) record.splice(0, MAX_RECORD / 10);
  }

  function look(): void {
    presence.look(agent !== null && !hung && link === 'works', rig.reported().online === true);
    signal.fire();
  }

  function tell(moment: Moment): void {
    for (const listener of [...moments]) listener(moment);
  }

  /** The id as the contract forms it, with the hub's own key. */
  function idOf(envelope: { command: unknown; args: unknown }, timestampSeconds: number): string {
    // The key, and behind it its digest.
    idKey ??= readFileSync(join(rig.folder, 'state', 'command-id.key')).subarray(0, 32);
    return shadowCommandId(envelope, timestampSeconds, idKey);
  }

  function onDelta(payload: Buffer): void {
    const { state, metadata } = JSON.parse(String(payload)) as {
      state: { command?: unknown; args?: { tag?: unknown } };
      metadata: { command?: { timestamp: number } };
    };
    if (state.command === undefined || !metadata.command || !expected || state.args?.tag !== expected.tag) return;
    const plan = expected;
    expected = null;
    standing = idOf({ command: state.command, args: state.args }, metadata.command.timestamp);
    ledger.sent(standing, plan);
    note(`SENT ${standing} ${plan.command} ${plan.tag}`);
    tell('sent');
  }

  function onAnswer(answer: Answer, seen: 'page' | 'final'): void {
    const id = String(answer.id);
    ledger[seen](id, String(answer.status), answer.error ? String(answer.error.code) : null);
  }

  function onMessage({ topic, payload, clientId }: BrokerMessage): void {
    const own = clientId === rig.hubId;
    if (topic.endsWith('/shadow/update/delta')) onDelta(payload);
    else if (topic.endsWith('/shadow/update/documents')) {
      const { current } = JSON.parse(String(payload)) as {
        current: { state: { desired?: { command?: unknown }; reported?: { lastCommand?: Answer } } };
      };
      if (standing !== null && current.state.desired?.command === undefined) {
        standing = null;
        tell('taken');
      }
      const last = current.state.reported?.lastCommand;
      if (last && last.status !== 'IN_PROGRESS') {
        onAnswer(last, 'final');
        tell('reported');
      }
    } else if (own && topic.endsWith('/result')) {
      onAnswer(JSON.parse(String(payload)) as Answer, 'page');
      tell('page');
    }
    if (own) note(`> ${topic} ${payload.length < 600 ? payload : `${payload.length} bytes`}`);
    else if (!topic.endsWith('/documents')) note(`< ${topic} ${payload.length < 300 ? payload : `${payload.length} bytes`}`);
    queueMicrotask(look);
  }
  rig.onMessage(onMessage);

  rig.iotCore.onExecution(({ executionId, status, statusReason }) => {
    note(`EXECUTION ${executionId} ${status}`);
    const timedOutInTheCloud = statusReason?.reasonCode === '$NO_RESPONSE_FROM_DEVICE';
    if (status === 'CREATED' || status === 'IN_PROGRESS' || timedOutInTheCloud) return;
    ledger.final(executionId, status, statusReason ? statusReason.reasonCode.toLowerCase() : null);
    signal.fire();
  });

  rig.iotCore.onEvent(({ kind, clientId, reason }) => {
    note(`BROKER ${kind} ${reason}`);
    if (clientId === rig.hubId && kind === 'connected') link = 'works';
    if (clientId === rig.hubId && kind === 'disconnected') link = 'none';
    look();
  });

  function onLine(line: LogLine, pid: number): void {
    const { level: _level, time: _time, msg: _msg, part: _part, ...fields } = line;
    note(`${pid} ${line.event === 'raw' ? line.msg : JSON.stringify(fields)}`);
    const id = String(line.id);
    if (line.event === 'command_started') {
      ledger.started(id, pid, standing === id);
      tell('started');
    } else if (line.event === 'journal_write_failed') ledger.journalFailed(id);
    look();
  }

  return {
    name,
    rig,
    ledger,
    presence,
    disk,
    changed: signal.subscribe,
    agent: () => agent,

    launch() {
      if (disposed) return;
      hung = false;
      const mine = rig.startAgent({
        env: { NODE_OPTIONS: `--import=${PRELOAD}`, HUB_CHAOS_CLOCK: clockFile, NODE_NO_WARNINGS: '1' },
      });
      agent = mine;
      mine.onLine((line) => onLine(line, mine.pid));
      void mine.exited.then((how) => {
        note(`PROCESS ${mine.pid} ended: ${how}`);
        ledger.died(mine.pid);
        if (agent === mine) agent = null;
        look();
      });
      note(`PROCESS ${mine.pid} started`);
      look();
    },

    async end(how) {
      const mine = agent;
      if (!mine) return null;
      if (hung) mine.resume();
      hung = false;
      if (how === 'stop') {
        ledger.stopping();
        return await mine.stop();
      }
      await mine.kill();
      return null;
    },

    hang(on) {
      if (!agent) return;
      hung = on;
      if (on) agent.pause();
      else agent.resume();
      look();
    },

    halfOpen() {
      if (!rig.iotCore.faults.halfOpen(rig.hubId)) return;
      link = 'silent';
      look();
    },

    setClock: (offsetMs) => writeFile(clockFile, String(offsetMs)),

    expect(plan) {
      expected = plan;
    },

    onMoment(listener) {
      moments.add(listener);
      return () => moments.delete(listener);
    },

    note,
    record: () => record.join('\n'),

    async dispose() {
      if (disposed) return;
      disposed = true;
      if (hung) agent?.resume();
      await Promise.all([agent?.kill()]);
      await disk.close();
      await rig.dispose();
    },
  };
}
