import type { HarnessEvent } from '../../../scripts/demo/page/model/events.ts';
import { nodeRow as node } from '../../unit/scripts/demo/node-row.ts';

/** When the run that is pictured begins, epoch milliseconds, and how long it is. */
export const START = Date.UTC(2026, 0, 15, 12);
export const LENGTH_MS = 60_000;
export const HUB_ID = '0a1b2c3d-0000-4000-8000-0123456789ab';
const SESSION = '5e551017-0000-4000-8000-0123456789ab';
const COMMAND = 'shadow-1768478430-0a1b2c3d';

const claim = { orgId: 'example', siteId: 'site-1', claimedBy: 'user-1', claimedAt: START };

function* beginning(): Generator<HarnessEvent> {
  yield { at: START, kind: 'start', hubId: HUB_ID, api: 'http://127.0.0.1:8787', iotCore: '127.0.0.1:8883' };
  yield { at: START + 100, kind: 'agent', state: 'started', pid: 4_242 };
  yield { at: START + 900, kind: 'broker', what: 'connected', hub: true, reason: '' };
  yield { at: START + 950, kind: 'presence', state: 'online', session: SESSION };
  yield { at: START + 960, kind: 'wifi', network: 'home' };
  yield {
    at: START + 1_200,
    kind: 'shadow',
    version: 5,
    desired: { claim },
    reported: {
      online: true,
      session: SESSION,
      hubId: HUB_ID,
      claim,
      nodes: { total: 3, available: 2, scanComplete: true },
      wifi: { ssid: 'home', signalDbm: -60 },
      alarms: [{ kind: 'tamper', node: 'rs485/17', since: START + 1_100 }],
    },
  };
  yield {
    at: START + 1_300,
    kind: 'nodes',
    nodes: [node(1), node(5, { available: false, lastSeen: '12:00' }), node(17, { tamper: true })],
  };
  yield {
    at: START + 1_400,
    kind: 'vitals',
    version: '1.0.0',
    phase: 'online',
    port: 8_883,
    session: SESSION,
    uptimeSeconds: 3_600,
    rssBytes: 96 * 1_048_576,
    cpu: 0.021,
    reconnects: 0,
    buses: [{ id: 'rs485', state: 'up', reason: null }],
  };
}

/** A second of traffic at rest. */
function* second(at: number): Generator<HarnessEvent> {
  yield {
    at,
    kind: 'polls',
    list: Array.from({ length: 10 }, (_, index) => [index * 90, [1, 5, 17][index % 3]!, index % 3 === 1 ? null : 9]),
  };
  yield { at: at + 400, kind: 'log', level: 'info', event: 'node_found', text: 'a line of the log, as the agent writes it', fields: {} };
  if ((at - START) % 5_000 === 0)
    yield { at: at + 500, kind: 'packet', direction: 'up', type: 'publish', bytes: 420, topic: `hubs/${HUB_ID}/nodes` };
  if ((at - START) % 5_000 === 0) yield { at: at + 520, kind: 'packet', direction: 'down', type: 'puback', bytes: 4, answeredMs: 20 };
}

function* command(at: number): Generator<HarnessEvent> {
  const fields = { id: COMMAND, command: 'server_info' };
  const log = (name: string, later: number): HarnessEvent => ({
    at: at + later,
    kind: 'log',
    level: 'info',
    event: name,
    text: name,
    fields,
  });
  yield { at, kind: 'api', method: 'POST', call: 'SendHubCommand', status: 200 };
  yield {
    at: at + 5,
    kind: 'shadow',
    version: 6,
    desired: { claim, command: 'server_info', args: {} },
    reported: { online: true, session: SESSION },
  };
  yield log('command_taken', 40);
  yield log('command_started', 45);
  yield log('command_succeeded', 120);
  yield {
    at: at + 150,
    kind: 'shadow',
    version: 8,
    desired: { claim },
    reported: { online: true, session: SESSION, lastCommand: { ...fields, status: 'SUCCEEDED' } },
  };
}

/** One minute of a hub: three nodes, a command, a fault with what the hub did about it, and one that is still on. */
export function* pictured(): Generator<HarnessEvent> {
  yield* beginning();
  for (let at = START + 2_000; at < START + 30_000; at += 1_000) yield* second(at);
  yield* command(START + 30_100);
  for (let at = START + 31_000; at < START + 50_000; at += 1_000) yield* second(at);
  yield { at: START + 50_000, kind: 'fault', id: 'tamper', action: 'begin', title: 'Housing of peripheral 5 opened', target: 5 };
  yield { at: START + 50_400, kind: 'nodes', nodes: [node(1), node(5, { tamper: true }), node(17, { tamper: true })] };
  yield { at: START + 51_000, kind: 'log', level: 'warn', event: 'node_tamper', text: 'rs485/5: tampered', fields: {} };
  yield { at: START + 52_000, kind: 'fault', id: 'throttling', action: 'begin', title: 'Two updates throttled' };
  for (let at = START + 53_000; at < START + LENGTH_MS; at += 1_000) yield* second(at);
}
