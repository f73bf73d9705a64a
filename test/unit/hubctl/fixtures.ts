import type { Node, NodesResult } from '../../../agent/contract/node.ts';
import type { StatusReport } from '../../../agent/control/api.ts';
import { nodeReport } from '../../../agent/control/node-findings.ts';
import type { StoredNodes } from '../../../agent/hubctl/cli/offline.ts';
import type { CheckResult } from '../../../agent/hubctl/doctor/check.ts';
import { unknownNode } from '../../../agent/nodes/model.ts';

export const NOW_MS = Date.UTC(2026, 10, 22, 3, 0, 0);

/** A hub on which all is well. */
export const HEALTHY: StatusReport = {
  apiVersion: 1,
  agent: {
    version: '1.2.3',
    pid: 412,
    uptimeSeconds: 86_400,
    logLevel: 'info',
    rssBytes: 98_000_000,
    faults: [],
    logOutput: { droppedLines: 0, failing: null },
  },
  identity: {
    hubId: '6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d11',
    serial: 'SN-000123',
    model: 'HUB-1',
    vendorName: 'Example Locks',
    thingName: '6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d11',
  },
  claim: { orgId: 'org-7', siteId: 'site-12', claimedBy: 'user-1', claimedAt: NOW_MS },
  cloud: {
    endpoint: 'a1b2c3d4e5f6g7-ats.iot.eu-central-1.amazonaws.com',
    port: 8883,
    phase: 'connected',
    waitReason: null,
    lastDown: null,
    takeovers: 0,
    session: '70c2e1ce-4fec-478a-8f99-da55b4106211',
    sessionAgeMs: 7_500_000,
    reconnectCount: 0,
    leftOut: [],
  },
  clock: { nowMs: NOW_MS, synchronized: true },
  wifi: { ssid: 'Site 12 Büro', signalDbm: -54 },
  host: {
    hostname: 'hub',
    uptimeSeconds: 90_061,
    memoryAvailableBytes: 700_000_000,
    memoryTotalBytes: 1_000_000_000,
    diskAvailableBytes: 5_000_000_000,
    diskTotalBytes: 8_000_000_000,
    temperatureCelsius: 48.5,
  },
  buses: [{ id: 'rs485', protocol: 'osdp', state: 'up' }],
  nodes: { total: 8, available: 8, scanComplete: true },
  lastCommands: [
    {
      id: 'shadow-1-00000000',
      intake: 'shadow',
      command: 'get_nodes',
      status: null,
      stage: 'delivered',
      receivedAt: NOW_MS - 4_000,
      finishedAt: NOW_MS - 3_800,
      outcome: null,
      answered: { status: 'SUCCEEDED', code: null },
    },
  ],
};

/** A node of the OSDP bus on which all is well, but for `changes`. */
export const node = (address: string, changes: Partial<Node>): Node => ({
  ...unknownNode('rs485', 'osdp', address),
  available: true,
  firstSeen: '2026-11-01T00:00:00.000Z',
  lastSeen: new Date(NOW_MS - 1_000).toISOString(),
  vendor: '5eca00',
  model: '1',
  serialNumber: '1048576',
  firmwareVersion: '2.7.19',
  security: 'secured',
  tamper: false,
  powerFault: false,
  ...changes,
});

/** A hub on which much is wrong at once, with hostile texts from outside. */
export const ILL: StatusReport = {
  ...HEALTHY,
  claim: null,
  cloud: {
    ...HEALTHY.cloud,
    phase: 'waiting',
    waitReason: 'backoff',
    lastDown: 'tls',
    takeovers: 2,
    session: null,
    sessionAgeMs: null,
    leftOut: ['executions'],
  },
  clock: { nowMs: NOW_MS, synchronized: false },
  wifi: { ssid: 'caf\u001b[31mé\n日本', signalDbm: null },
  host: { ...HEALTHY.host, memoryAvailableBytes: 20_000_000, diskAvailableBytes: 1_000_000 },
  buses: [
    {
      id: 'rs485',
      protocol: 'osdp',
      state: 'unavailable',
      error: { code: 'bus_unavailable', message: '/dev/ttyUSB0 is in use by another program' },
    },
    { id: 'attic', protocol: 'osdp', state: 'up' },
  ],
  nodes: { total: 8, available: 3, scanComplete: true },
  nodeFindings: nodeReport([
    node('5', { security: 'none', securityReason: 'refused', tamper: null }),
    node('6', { replaced: { vendor: '5eca00', model: '1', serialNumber: '77\u001b[31m' } }),
  ]),
  lastCommands: [
    {
      id: 'local-1',
      intake: 'local',
      command: 'set_wifi_credentials',
      status: 'FAILED',
      stage: 'delivered',
      receivedAt: NOW_MS - 60_000,
      finishedAt: NOW_MS - 20_000,
      outcome: { status: 'FAILED', error: { code: 'wifi_authentication_failed', message: 'wrong password' } },
    },
  ],
};

export const NODES: NodesResult = {
  nodes: [
    node('0', {}),
    node('5', { tamper: true, security: 'default_key' }),
    node('17', { available: false, lastSeen: new Date(NOW_MS - 90_000_000).toISOString() }),
    node('18', { security: 'none', securityReason: 'no_key' }),
    node('20', { moved: { from: 'rs485/0', at: new Date(NOW_MS - 3_600_000).toISOString() } }),
    node('19', { replaced: { vendor: '5eca00', model: '1', serialNumber: '7' } }),
    node('100', { vendor: null, model: null, serialNumber: null, firmwareVersion: null, security: 'required' }),
    {
      ...node('0x00158d0001020304', {}),
      nodeId: 'zigbee/0x00158d0001020304',
      bus: 'zigbee',
      protocol: 'zigbee',
      linkQuality: 180,
      security: null,
    },
  ],
  total: 8,
  available: 7,
  scanComplete: false,
  buses: [
    { id: 'rs485', protocol: 'osdp', state: 'up' },
    { id: 'zigbee', protocol: 'zigbee', state: 'starting' },
  ],
};

/** The same nodes as the agent left them on the disk. */
export const STORED: StoredNodes = {
  ...NODES,
  nodes: NODES.nodes.map((each) => ({ ...each, available: false, lastAvailable: each.available })),
  available: 0,
  buses: [],
};

/** A node of which everything is known that there is. */
export const DETAILED: Node = node('5', {
  linkQuality: 250,
  moved: { from: 'rs485/0', at: new Date(NOW_MS - 90_000_000).toISOString() },
  capabilities: ['contact_status_monitoring', 'output_control', 'reader_led_control', 'osdp_version', 'function_200'],
  replaced: { vendor: '5eca00', model: '1', serialNumber: '7\u001b[31m' },
  hardwareVersion: '2',
  osdpVersion: 'sia_2.2',
  capabilityLevels: [3, 1, 4, 2, 1],
  capabilityCounts: [4, 2, 1, 0, 1],
  inputs: ['inactive', 'active', 'short', 'inactive'],
  outputs: ['inactive', 'active'],
  lastCardAt: new Date(NOW_MS - 3_600_000).toISOString(),
});

export const FINDINGS: CheckResult[] = [
  {
    check: 'agent',
    why: 'The agent is what connects locks and cloud.',
    status: 'ok',
    finding: 'version 1.2.3 runs, pid 412',
    remedy: null,
  },
  {
    check: 'port',
    why: 'MQTT goes over TCP 8883; the agent falls back to 443 where a firewall blocks it.',
    status: 'warn',
    finding:
      'example.amazonaws.com does not answer on port 8883: a firewall drops it, or the way is gone; port 443 is open, the agent uses it',
    remedy: 'Open outgoing TCP 8883 in the firewall of the site.',
    code: 'tcp_timed_out',
    subject: null,
  },
  {
    check: 'serial',
    why: 'The readers and locks are behind these ports.',
    status: 'fail',
    finding: 'rs485: /dev/ttyUSB0 is open in agetty (pid 731)',
    remedy: 'sudo kill 731; if it is a getty: sudo systemctl disable --now serial-getty@ttyUSB0',
    code: 'port_held',
    subject: 'rs485',
  },
  {
    check: 'bus',
    why: 'A lock that does not answer cannot be opened or watched.',
    status: 'skipped',
    finding: 'only the agent can ask the buses',
    remedy: null,
  },
];
