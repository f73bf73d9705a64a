import type { NodeRow } from '../../../../scripts/demo/page/model/events.ts';

/** A reader at this address that is available, with these changes. */
export const nodeRow = (address: number, changes: Partial<NodeRow> = {}): NodeRow => ({
  nodeId: `rs485/${address}`,
  protocol: 'osdp',
  available: true,
  vendor: '5eca00',
  model: '1',
  serialNumber: '10551297',
  firmwareVersion: '2.7.19',
  security: 'none',
  securityReason: null,
  tamper: false,
  powerFault: false,
  problem: null,
  replaced: false,
  lastSeen: null,
  readings: '',
  quality: 100,
  ...changes,
});
