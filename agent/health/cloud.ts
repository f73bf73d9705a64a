import type { CloudFacts, DownReason, GuardedOperation, WaitReason } from '../contract/cloud.ts';
import type { ErrorCode } from '../system/errors.ts';
import { duration, utc } from '../system/units.ts';
import { type Entries, finder, type HealthFinding, lookUp, times } from './finding.ts';
import { DOCTOR, INSTALL_CREDENTIALS, LOGS, SET_CLOCK } from './remedies.ts';

const DOWNS: Readonly<Record<DownReason, { what: string; remedy: string }>> = {
  network: { what: 'the endpoint could not be reached', remedy: 'sudo hubctl doctor --check dns,port' },
  tls: { what: 'the TLS handshake failed', remedy: 'sudo hubctl doctor --check clock,certificate,tls' },
  refused: { what: 'the cloud refused the connection', remedy: 'sudo hubctl doctor --check mqtt' },
  taken_over: { what: 'another client came with the same identity', remedy: 'sudo hubctl doctor --check mqtt' },
  kicked: { what: 'the cloud ended the session', remedy: 'sudo hubctl doctor --check mqtt,topics' },
  unauthorized: {
    what: 'the cloud ended the session because the policy forbids what the hub did',
    remedy: 'sudo hubctl doctor --check topics',
  },
  keepalive: { what: 'the cloud stopped answering', remedy: 'sudo hubctl doctor --check dns,port,tls' },
  closed: { what: 'the connection broke', remedy: 'sudo hubctl doctor --check dns,port,tls' },
  local: { what: 'the agent ended the connection itself', remedy: LOGS },
};

const WAITS: Readonly<Record<WaitReason, string>> = {
  clock_unsynced: 'it waits for the clock to be set',
  spread: 'it waits its random time after a start or an outage',
  backoff: 'it waits before the next attempt',
};

/** What the Thing's policy must allow for each operation (AWS IoT Core policy actions). */
const ACTIONS: Readonly<Record<GuardedOperation, string>> = {
  presence_subscribe: 'iot:Subscribe and iot:Receive on its presence topic',
  presence_publish: 'iot:Publish and iot:RetainPublish on its presence topic',
  deltas: "iot:Subscribe and iot:Receive on its shadow's update/delta",
  executions: 'iot:Subscribe and iot:Receive on $aws/commands/things/THING/executions/+/request/json',
  jobs: 'iot:Subscribe and iot:Receive on $aws/things/THING/jobs/*',
  jobs_publish: 'iot:Publish on $aws/things/THING/jobs/start-next, …/jobs/*/get and …/jobs/*/update',
  result_publish: 'iot:Publish on its result topic',
  response_publish: 'iot:Publish on $aws/commands/things/THING/executions/*/response/json',
  shadow_read: "iot:Publish on its shadow's get, iot:Subscribe and iot:Receive on get/*",
  shadow_update: "iot:Publish on its shadow's update, iot:Subscribe and iot:Receive on update/*",
};

const SHADOW_POLICY =
  "Look at the Thing's policy first: iot:Receive and iot:Subscribe on $aws/things/THING/shadow/get/* and …/update/*, iot:Publish on …/get and …/update.";
const SHADOW_SILENT = { what: 'the Shadow service does not answer', remedy: SHADOW_POLICY };
/** Any other failure is a request without an answer. */
const SHADOW_FAILURES = {
  shadow_too_large: {
    what: 'the shadow is full (8 KB)',
    remedy: "Remove what other writers keep in the Thing's shadow: aws iot-data get-thing-shadow --thing-name THING shadow.json",
  },
  shadow_throttled: { what: 'the Shadow service throttles the hub', remedy: 'Find out who else writes this shadow, and how often.' },
  shadow_conflict: {
    what: 'other writers change the shadow faster than the hub can',
    remedy: 'Find out who else writes this shadow, and how often.',
  },
  cloud_refused: { what: 'the Shadow service refuses the hub', remedy: SHADOW_POLICY },
} satisfies Partial<Record<ErrorCode, typeof SHADOW_SILENT>>;
const shadowFailure = (code: ErrorCode | null) =>
  code === null ? SHADOW_SILENT : lookUp<string, typeof SHADOW_SILENT>(SHADOW_FAILURES, code, SHADOW_SILENT);

interface NoConnection {
  lastDown: DownReason | null;
  waitReason: WaitReason | null;
}

function notConnected({ lastDown, waitReason }: NoConnection): string {
  const down = lastDown === null ? '' : `: ${lookUp(DOWNS, lastDown, { what: lastDown, remedy: DOCTOR }).what}`;
  const wait = waitReason === null ? '' : `; ${lookUp(WAITS, waitReason, `it waits (${waitReason})`)}`;
  return `the hub is not connected to the cloud${down}${wait}`;
}

const COPY = `Look for a copy of its certificate and key; if it stays, give the hub a new certificate: ${INSTALL_CREDENTIALS}`;

/** What can be wrong with the connection, the session and the shadow. */
export interface CloudParams {
  cloud_waits_for_clock: NoConnection;
  cloud_down: NoConnection;
  shadow_unconfirmed: { seconds: number; lastFailure: ErrorCode | null };
  cloud_taken_over: { count: number };
  /** By an alarm of before the agent's start. Epoch milliseconds. */
  cloud_was_taken_over: { at: number };
  cloud_refuses: { operations: readonly GuardedOperation[] };
  cloud_reconnected: { seconds: number; count: number };
}

export const CLOUD: Entries<CloudParams> = {
  cloud_waits_for_clock: { severity: 'fail', text: notConnected, remedy: () => SET_CLOCK, next: DOCTOR },
  cloud_down: {
    severity: 'fail',
    text: notConnected,
    remedy: ({ lastDown }) => (lastDown === null ? DOCTOR : lookUp(DOWNS, lastDown, { what: lastDown, remedy: DOCTOR }).remedy),
    next: DOCTOR,
  },
  shadow_unconfirmed: {
    severity: 'fail',
    text: ({ seconds, lastFailure }) =>
      `${shadowFailure(lastFailure).what}: the cloud has not confirmed the state of this hub for ${seconds} s`,
    remedy: ({ lastFailure }) => shadowFailure(lastFailure).remedy,
    next: DOCTOR,
    advice: true,
  },
  cloud_taken_over: {
    severity: 'warn',
    text: ({ count }) => `another client came with the identity of this hub, ${times(count)}`,
    remedy: () => COPY,
    next: LOGS,
  },
  cloud_was_taken_over: {
    severity: 'warn',
    text: ({ at }) => `another client used the identity of this hub on ${utc(at)}`,
    remedy: () => COPY,
    next: DOCTOR,
  },
  cloud_refuses: {
    severity: 'fail',
    text: ({ operations }) => `the cloud refuses to this hub: ${operations.join(', ')}`,
    remedy: ({ operations }) =>
      `Add to the policy of the certificate in AWS IoT, for this Thing: ${operations.map((each) => lookUp(ACTIONS, each, each)).join('; ')}`,
    next: DOCTOR,
  },
  cloud_reconnected: {
    severity: 'warn',
    text: ({ seconds, count }) => `the connection was made again ${duration(seconds)} ago, ${times(count)} since the start`,
    remedy: () => 'sudo hubctl logs; hubctl ping',
    next: LOGS,
  },
};

export type CloudCode = keyof CloudParams;
const found = finder(CLOUD);

/** The Shadow service answers in well under a second, and a first report takes two: this long without a confirmation is a fault. */
const SILENT_MS = 10_000;
/** A connection that was made again so short a time ago may be one that does not last. */
const FRESH_MS = 60_000;

/** That there is no connection. */
export function connectionFindings({ phase, lastDown, waitReason }: CloudFacts): HealthFinding<CloudCode>[] {
  if (phase === 'connected') return [];
  return [found(waitReason === 'clock_unsynced' ? 'cloud_waits_for_clock' : 'cloud_down', { lastDown, waitReason })];
}

/** Empty while the Shadow service confirms what the hub reports, without a session, and for an agent that does not say. */
export function shadowFindings({ phase, shadow }: CloudFacts): HealthFinding<CloudCode>[] {
  if (phase !== 'connected' || !shadow || shadow.unconfirmedMs === null || shadow.unconfirmedMs < SILENT_MS) return [];
  return [found('shadow_unconfirmed', { seconds: Math.floor(shadow.unconfirmedMs / 1000), lastFailure: shadow.lastFailure })];
}

/**
 * That another client uses the hub's identity.
 * @param lastTakeover when an alarm was last raised for it, epoch milliseconds; null: none is kept
 */
export function takeoverFindings({ takeovers }: CloudFacts, lastTakeover: number | null): HealthFinding<CloudCode>[] {
  if (takeovers > 0) return [found('cloud_taken_over', { count: takeovers })];
  return lastTakeover === null ? [] : [found('cloud_was_taken_over', { at: lastTakeover })];
}

/** What the cloud refuses to the hub. */
export function refusalFindings({ leftOut }: CloudFacts): HealthFinding<CloudCode>[] {
  return leftOut.length === 0 ? [] : [found('cloud_refuses', { operations: leftOut })];
}

/** That a connection stands and was made again only now. */
export function reconnectFindings({ phase, reconnectCount, sessionAgeMs }: CloudFacts): HealthFinding<CloudCode>[] {
  if (phase !== 'connected' || reconnectCount === 0 || sessionAgeMs === null || sessionAgeMs >= FRESH_MS) return [];
  return [found('cloud_reconnected', { seconds: sessionAgeMs / 1000, count: reconnectCount })];
}
