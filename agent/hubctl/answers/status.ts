import type { Alarm } from '../../contract/alarm.ts';
import type { CloudFacts, ShadowConfirmation } from '../../contract/cloud.ts';
import type { ReleaseReport } from '../../contract/release.ts';
import type { Claim } from '../../contract/shadow.ts';
import type { WifiConnection, WifiNotJoined } from '../../contract/wifi.ts';
import type { StatusReport, WifiReport } from '../../control/api.ts';
import type { NodeFinding } from '../../control/node-findings.ts';
import type { FileFault } from '../../system/file-faults.ts';
import type { Fault } from '../../system/guard.ts';
import type { OutputState } from '../../system/output.ts';
import type { Answer } from '../cli/client.ts';
import { answerOf } from './answer.ts';
import { REPORT } from './commands.ts';
import { BUS } from './nodes.ts';
import { FLAG, listOf, NUMBER, OBJECT, objectOf, orNull, TEXT } from './shapes.ts';
import { NETWORK } from './zigbee.ts';

type Process = StatusReport['agent'];

const AGENT = objectOf<Omit<Process, 'faults' | 'logOutput'> & Partial<Pick<Process, 'faults' | 'logOutput'>>>(
  { version: TEXT, pid: NUMBER, uptimeSeconds: NUMBER, logLevel: TEXT, rssBytes: orNull(NUMBER) },
  {
    // An older agent has neither.
    faults: listOf(objectOf<Fault>({ place: TEXT, count: NUMBER, lastAt: NUMBER }, {})),
    logOutput: objectOf<OutputState>({ droppedLines: NUMBER, failing: orNull(TEXT) }, {}),
  },
);

const RELEASE = objectOf<ReleaseReport>(
  { sequence: orNull(NUMBER), factory: FLAG, trial: FLAG },
  { failed: objectOf<NonNullable<ReleaseReport['failed']>>({ sequence: NUMBER, what: TEXT, reason: TEXT }, {}) },
);

const CLOUD = objectOf<CloudFacts>(
  {
    endpoint: TEXT,
    port: NUMBER,
    phase: TEXT,
    waitReason: orNull(TEXT),
    lastDown: orNull(TEXT),
    takeovers: NUMBER,
    session: orNull(TEXT),
    sessionAgeMs: orNull(NUMBER),
    reconnectCount: NUMBER,
    leftOut: listOf(TEXT),
  },
  {
    nextAttemptMs: orNull(NUMBER),
    shadow: objectOf<ShadowConfirmation>({ confirmedAt: orNull(NUMBER), unconfirmedMs: orNull(NUMBER), lastFailure: orNull(TEXT) }, {}),
  },
);

const CONNECTION = orNull(objectOf<WifiConnection>({ ssid: TEXT, signalDbm: orNull(NUMBER) }, {}));

const HOST = objectOf<StatusReport['host']>(
  {
    hostname: orNull(TEXT),
    uptimeSeconds: orNull(NUMBER),
    memoryAvailableBytes: orNull(NUMBER),
    memoryTotalBytes: orNull(NUMBER),
    diskAvailableBytes: orNull(NUMBER),
    diskTotalBytes: orNull(NUMBER),
    temperatureCelsius: orNull(NUMBER),
  },
  {},
);

type NodesOfBus = NonNullable<StatusReport['nodesByBus']>[number];

/** The status. */
export const statusAnswer: Answer<StatusReport> = answerOf(
  objectOf<StatusReport>(
    {
      apiVersion: { const: 1 },
      agent: AGENT,
      identity: objectOf<StatusReport['identity']>({ hubId: TEXT, serial: TEXT, model: TEXT, vendorName: TEXT, thingName: TEXT }, {}),
      claim: orNull(objectOf<Claim>({ orgId: TEXT, siteId: TEXT, claimedBy: TEXT, claimedAt: NUMBER }, {})),
      cloud: CLOUD,
      clock: objectOf<StatusReport['clock']>({ nowMs: NUMBER, synchronized: orNull(FLAG) }, {}),
      wifi: CONNECTION,
      host: HOST,
      buses: listOf(BUS),
      nodes: objectOf<StatusReport['nodes']>({ total: NUMBER, available: NUMBER, scanComplete: FLAG }, {}),
      lastCommands: listOf(REPORT),
    },
    {
      release: RELEASE,
      fileFaults: listOf(objectOf<FileFault>({ path: TEXT, operation: TEXT, code: TEXT }, {})),
      zigbee: listOf(NETWORK),
      nodesByBus: listOf(objectOf<NodesOfBus>({ bus: TEXT, total: NUMBER, available: NUMBER }, { defaultKey: listOf(TEXT) })),
      nodeFindings: listOf(objectOf<NodeFinding>({ nodeId: TEXT, kind: TEXT, text: TEXT, remedy: TEXT }, { severity: TEXT })),
      alarms: listOf(objectOf<Alarm>({ kind: TEXT, node: orNull(TEXT), since: NUMBER }, { until: NUMBER })),
    },
  ),
);

/** The Wi-Fi. */
export const wifiAnswer: Answer<WifiReport> = answerOf(
  objectOf<WifiReport>(
    { connection: CONNECTION, credentialsSet: orNull(FLAG), problem: orNull(TEXT) },
    {
      reason: orNull(TEXT),
      device: orNull(TEXT),
      notJoined: orNull(objectOf<WifiNotJoined>({ ssid: TEXT, device: TEXT, byHand: FLAG }, {})),
    },
  ),
);

/** How long the cloud took to answer. */
export const pingAnswer: Answer<{ pubackMs: number }> = answerOf(objectOf<{ pubackMs: number }>({ pubackMs: NUMBER }, {}));

/** That something is done, or has begun. */
export const doneAnswer: Answer<object> = answerOf(OBJECT);
