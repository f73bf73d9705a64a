import type { BusTrace } from '../../../agent/contract/trace.ts';
import type { ZigbeeStatus } from '../../../agent/contract/zigbee.ts';
import type { StatusReport } from '../../../agent/control/api.ts';
import { DETAILED, ILL, NODES, NOW_MS } from './fixtures.ts';

/** What an agent answers when all is well: one JSON text, or the lines of a stream. */
export type RightAnswer = { json: unknown } | { lines: unknown[] };

/** A Zigbee network with something of everything. */
export const NETWORK: ZigbeeStatus = {
  bus: 'zigbee',
  state: 'up',
  stage: 'formed',
  adapter: 'zstack',
  path: '/dev/ttyUSB1',
  network: { panId: '0x1a62', extendedPanId: '0xdddddddddddddddd', channel: 11, coordinator: '0x00124b0001020304' },
  firmware: '20230507',
  devices: 4,
  savedAt: NOW_MS - 60_000,
  permitJoinSeconds: 0,
  pid: 500,
  starts: 1,
  attempts: 2,
  nextAttemptSeconds: 30,
  notices: [
    { code: 'record_rebuilt' },
    { code: 'database_mended', devices: 4, recovered: 1 },
    { code: 'channel_ignored', configured: 15, used: 11 },
    { code: 'coordinator_reset', count: 2 },
    { code: 'unknown_devices', addresses: ['0x00158d0001020305'] },
    { code: 'not_kept', reason: 'ENOSPC' },
  ],
  problem: { reason: 'silent', message: 'the stick does not answer' },
};

const STATUS: StatusReport = {
  ...ILL,
  agent: {
    ...ILL.agent,
    faults: [{ place: 'timer', count: 2, lastAt: NOW_MS }],
    logOutput: { droppedLines: 3, failing: 'ENOSPC' },
  },
  release: { sequence: 7, factory: false, trial: false, failed: { sequence: 8, what: 'refused', reason: 'bad_signature' } },
  fileFaults: [{ path: '/var/lib/hub-agent/nodes.json', operation: 'writeAtomic', code: 'ENOSPC' }],
  cloud: { ...ILL.cloud, phase: 'connected', shadow: { confirmedAt: null, unconfirmedMs: 60_000, lastFailure: 'cloud_refused' } },
  zigbee: [NETWORK],
  nodesByBus: [{ bus: 'rs485', total: 8, available: 3, defaultKey: ['5'] }],
  alarms: [
    { kind: 'tamper', node: 'rs485/5', since: NOW_MS },
    { kind: 'taken_over', node: null, since: NOW_MS, until: NOW_MS },
  ],
};

const TRACES: BusTrace[] = [
  { at: NOW_MS, bus: 'rs485', kind: 'sent', address: 5, name: 'POLL', sequence: 2, bytes: 8, security: 'SCS_17', text: '' },
  {
    at: NOW_MS,
    bus: 'rs485',
    kind: 'silence',
    heard: 'noise',
    address: 5,
    name: null,
    sequence: null,
    bytes: null,
    security: null,
    text: 'noise',
  },
];

const WIFI_CHANGE = {
  ssid: 'Site 7',
  previousSsid: 'Site 12',
  ipv4: '192.0.2.7',
  ipv6: null,
  security: 'sae',
  signalDbm: -54,
  durationMs: 4_000,
};
const NODE_TABLE = { ...NODES, nodes: [DETAILED, ...NODES.nodes.filter(({ nodeId }) => nodeId !== DETAILED.nodeId)] };

const finished = (command: string, result: object) => ({
  ...ILL.lastCommands[0],
  command,
  status: 'SUCCEEDED',
  outcome: { status: 'SUCCEEDED', result },
});
const WAITING = { waiting: true };
const work = (result: unknown, ...progress: unknown[]): RightAnswer => ({
  lines: [WAITING, ...progress.map((each) => ({ progress: each })), { result }],
});

/** By the words of the request: its path, and the command in its body. */
const RIGHT: readonly [words: RegExp, answer: RightAnswer][] = [
  [/v1\/status /, { json: STATUS }],
  [/v1\/nodes(\?\S*)? /, { json: NODE_TABLE }],
  [
    /v1\/commands /,
    { json: { commands: [...ILL.lastCommands, { ...ILL.lastCommands[0], outcome: null, answered: { status: 'FAILED', code: 'busy' } }] } },
  ],
  [
    /v1\/wifi /,
    {
      json: {
        connection: null,
        credentialsSet: true,
        problem: null,
        reason: null,
        device: 'wlan0',
        notJoined: { ssid: 'Site 12', device: 'wlan0', byHand: true },
      },
    },
  ],
  [/v1\/zigbee /, { json: { networks: [NETWORK] } }],
  [/v1\/ping /, { json: { pubackMs: 12.5 } }],
  [
    /v1\/logs/,
    { lines: [{ level: 'info', time: '2026-11-22T01:48:24.000Z', part: 'cloud', event: 'cloud_up', msg: 'link up', port: 8883 }] },
  ],
  [/\/trace /, { lines: TRACES }],
  [/v1\/run [\s\S]*set_wifi_credentials/, { lines: [WAITING, finished('set_wifi_credentials', WIFI_CHANGE)] }],
  [/v1\/run /, { lines: [WAITING, finished('get_nodes', NODE_TABLE)] }],
  [/identify /, work({ nodeId: 'rs485/5', seconds: 10, by: ['led', 'buzzer'] })],
  [/forget /, work(DETAILED)],
  [/set-address /, work({ bus: 'rs485', from: 0, to: 5, baudRate: 38_400, proven: false })],
  [/rekey /, work([{ address: 5, result: 'rekeyed' }], { address: 5, result: 'rekeyed' })],
  [/remove /, work({ confirmed: true })],
  [/backup /, work({ savedAt: NOW_MS, devices: 4 })],
  [/map /, work({ bus: 'zigbee', neighbours: [{ of: '0x1', address: '0x2', relation: 'child', quality: 200 }], unasked: ['0x3'] })],
  [
    /permit-join /,
    {
      lines: [
        { event: 'open', bus: 'zigbee', seconds: 60 },
        '',
        { event: 'joined', bus: 'zigbee', address: '0x1' },
        { event: 'device', bus: 'zigbee', address: '0x1', vendor: 'Example', model: 'Lock' },
        { event: 'reporting', bus: 'zigbee', address: '0x1', problem: 'battery' },
        { event: 'closed', bus: 'zigbee' },
      ],
    },
  ],
];

/** What a request is to be answered. */
export const rightAnswer = (request: string): RightAnswer =>
  RIGHT.find(([words]) => words.test(request))?.[1] ?? { json: { bus: 'zigbee' } };
