import type { CommandErrorCode } from '../../../agent/system/errors.ts';

/** What a command of the run is, and how it may be answered when nothing goes wrong with it. */
export interface PlannedCommand {
  /** Unique in its hub; travels as an extra arg, which hubs ignore, so that two commands are never the same. */
  tag: string;
  intake: 'shadow' | 'executions';
  command: string;
  args: Record<string, unknown>;
  /** May run again when its process died. */
  repeatable: boolean;
  expected: { status: 'SUCCEEDED' | 'FAILED' | 'REJECTED'; code: CommandErrorCode | null };
  /** The caller waits for this answer before it sends the next command. */
  patient: boolean;
  /** Pause before it is sent, milliseconds. */
  pauseMs: number;
}

export type CloudFault =
  | { kind: 'restartBroker'; downMs: number }
  | { kind: 'kick' }
  | { kind: 'drop' }
  | { kind: 'halfOpen' }
  | { kind: 'delay'; delayMs: number; forMs: number }
  | { kind: 'losePubacks'; count: number }
  | { kind: 'duplicatePubacks'; count: number }
  | { kind: 'loseShadowAnswers'; count: number }
  | { kind: 'duplicateShadowAnswers'; count: number }
  | { kind: 'failUpdates'; count: number; code: number }
  | { kind: 'redeliverDelta'; times: number }
  | { kind: 'redeliverRequest' }
  | { kind: 'lateWill'; delayMs: number; twice: boolean }
  | { kind: 'lateRule'; delayMs: number }
  | { kind: 'disturbLifecycle'; maxDelayMs: number; seed: number }
  | { kind: 'refuseConnect'; forMs: number }
  | { kind: 'cloudClock'; byMs: number }
  /** The hub is claimed for another site: its shadow changes, and is read, beside the commands. */
  | { kind: 'claim'; siteId: string };

/** Moments of a command's life that a kill waits for. */
const MOMENTS = ['sent', 'taken', 'started', 'page', 'reported'] as const;
export type Moment = (typeof MOMENTS)[number];

export type HostFault =
  /** `moment` null: right away. The next process starts after `downMs`. */
  | { kind: 'kill'; moment: Moment | null; delayMs: number; downMs: number }
  | { kind: 'terminate'; moment: Moment | null; delayMs: number; downMs: number }
  | { kind: 'hang'; forMs: number }
  /** The hub's wall clock is wrong by so much for a while. */
  | { kind: 'hubClock'; byMs: number; forMs: number }
  | { kind: 'diskFull'; forMs: number; freePages: number };

/** A fault and when it strikes: this many milliseconds after the one before, most of them (`calm`) once the hub is online again. */
export type Scheduled<Fault> = Fault & { pauseMs: number; calm: boolean };

type Random = () => number;

/** A share of commands goes through native executions. */
const EXECUTIONS_SHARE = 0.2;
/** This share of faults waits until the hub has come back; the others strike into the recovery. */
const CALM_SHARE = 0.75;
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

const between = (random: Random, min: number, max: number) => Math.round(min + random() * (max - min));
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)]!;

function weighted<T>(random: Random, table: readonly (readonly [number, () => T])[]): T {
  let left = random() * table.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, make] of table) {
    left -= weight;
    if (left < 0) return make();
  }
  return table.at(-1)![1]();
}

/** The commands of one hub, in order. */
export function planCommands(random: Random, count: number, prefix: string): PlannedCommand[] {
  return Array.from({ length: count }, (_, index) => {
    const tag = `${prefix}-${index}`;
    const ok = { status: 'SUCCEEDED', code: null } as const;
    const core = weighted<Pick<PlannedCommand, 'command' | 'args' | 'repeatable' | 'expected'>>(random, [
      [25, () => ({ command: 'get_nodes', args: {}, repeatable: true, expected: ok })],
      [25, () => ({ command: 'get_nodes', args: { refresh: true }, repeatable: true, expected: ok })],
      [20, () => ({ command: 'server_info', args: {}, repeatable: true, expected: ok })],
      [
        16,
        () => ({
          command: 'set_wifi_credentials',
          args: { ssid: 'Example', credentials: `not-a-secret-${index}` },
          repeatable: false,
          // The rig has no Wi-Fi stack: a run is answered with this.
          expected: { status: 'FAILED', code: 'wifi_unavailable' },
        }),
      ],
      [7, () => ({ command: 'open_door', args: {}, repeatable: false, expected: { status: 'REJECTED', code: 'unknown_command' } })],
      [
        7,
        () => ({
          command: pick(random, ['get_nodes', 'set_wifi_credentials']),
          args: { refresh: 'yes', ssid: '' },
          repeatable: false,
          expected: { status: 'REJECTED', code: 'invalid_args' },
        }),
      ],
    ]);
    return {
      ...core,
      tag,
      args: { ...core.args, tag },
      intake: random() < EXECUTIONS_SHARE ? 'executions' : 'shadow',
      patient: random() < 0.4,
      pauseMs: between(random, 0, 500),
    };
  });
}

/** The cloud's faults, one after the other, for ever. */
export function* planCloudFaults(random: Random, meanPauseMs: number): Generator<Scheduled<CloudFault>, never> {
  for (;;) {
    const fault = weighted<CloudFault>(random, [
      [5, () => ({ kind: 'restartBroker', downMs: between(random, 100, 3_000) })],
      [7, () => ({ kind: 'kick' })],
      [8, () => ({ kind: 'drop' })],
      [2, () => ({ kind: 'halfOpen' })],
      [7, () => ({ kind: 'delay', delayMs: between(random, 50, 500), forMs: between(random, 500, 3_000) })],
      [8, () => ({ kind: 'losePubacks', count: between(random, 1, 2) })],
      [5, () => ({ kind: 'duplicatePubacks', count: between(random, 1, 3) })],
      [8, () => ({ kind: 'loseShadowAnswers', count: between(random, 1, 2) })],
      [8, () => ({ kind: 'duplicateShadowAnswers', count: between(random, 1, 5) })],
      [14, () => ({ kind: 'failUpdates', count: between(random, 1, 3), code: pick(random, [409, 429, 500]) })],
      [10, () => ({ kind: 'redeliverDelta', times: between(random, 1, 3) })],
      [6, () => ({ kind: 'redeliverRequest' })],
      [7, () => ({ kind: 'lateWill', delayMs: between(random, 100, 5_000), twice: random() < 0.5 })],
      [5, () => ({ kind: 'lateRule', delayMs: between(random, 100, 5_000) })],
      [4, () => ({ kind: 'disturbLifecycle', maxDelayMs: between(random, 100, 3_000), seed: between(random, 1, 1e9) })],
      [3, () => ({ kind: 'refuseConnect', forMs: between(random, 500, 3_000) })],
      [3, () => ({ kind: 'cloudClock', byMs: pick(random, [-1, 1]) * between(random, 1_000, HOUR_MS) })],
      [14, () => ({ kind: 'claim', siteId: `site-${between(random, 1, 1e9)}` })],
    ]);
    yield { ...fault, pauseMs: exponential(random, meanPauseMs), calm: random() < CALM_SHARE };
  }
}

/** The host's faults, likewise. */
export function* planHostFaults(random: Random, meanPauseMs: number): Generator<Scheduled<HostFault>, never> {
  const end = (kind: 'kill' | 'terminate') => {
    const moment = random() < 0.85 ? pick(random, MOMENTS) : null;
    return { kind, moment, delayMs: between(random, 0, moment === 'started' ? 300 : 30), downMs: between(random, 0, 1_500) };
  };
  for (;;) {
    const fault = weighted<HostFault>(random, [
      [12, () => end('kill')],
      [4, () => end('terminate')],
      [2, () => ({ kind: 'hang', forMs: between(random, 200, 5_000) })],
      [
        4,
        () => ({
          kind: 'hubClock',
          byMs: pick(random, [-56 * YEAR_MS, -HOUR_MS, -5_000, 5_000, HOUR_MS, YEAR_MS]),
          forMs: between(random, 500, 5_000),
        }),
      ],
      [4, () => ({ kind: 'diskFull', forMs: between(random, 500, 4_000), freePages: between(random, 0, 1) })],
    ]);
    yield { ...fault, pauseMs: exponential(random, meanPauseMs), calm: random() < CALM_SHARE };
  }
}

/** Faults come in bunches, as they do; never further apart than four times the mean. */
function exponential(random: Random, mean: number): number {
  return Math.round(Math.min(4, -Math.log(1 - random())) * mean);
}
