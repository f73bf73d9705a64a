import { afterEach, expect, test } from 'vitest';
import type { OsdpBusOptions } from '../../../../../agent/nodes/osdp/bus/options.ts';
import { Secret } from '../../../../../agent/system/secret.ts';
import type { SecureChannelOptions } from '../../../../twins/osdp-line/index.ts';
import { createRig } from '../rig.ts';

const KEY = '000102030405060708090a0b0c0d0e0f';
const OTHER = Buffer.from('ff0102030405060708090a0b0c0d0e0f', 'hex');
const NOTHING = { vendor: null, model: null, serialNumber: null, firmwareVersion: null, capabilities: [], tamper: null, powerFault: null };
const rigs: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

/** What is known of one peripheral, half a minute after it was found. */
async function nodeOf(secureChannel: SecureChannelOptions | null, bus: Partial<OsdpBusOptions>) {
  const peripherals = [{ address: 5, tampered: true, secureChannel }];
  const rig = createRig({ peripherals, bus: { addresses: [5], requireSecurity: true, ...bus } });
  rigs.push(rig);
  rig.bus.start();
  await rig.scanned();
  await rig.clock.advance(30_000);
  return rig.node(5);
}

const keys = new Map([[5, new Secret(KEY)]]);

test.each([
  ['another key', { key: OTHER }, { keys }, 'wrong_key'],
  ['no secure channel at all, though a key is configured', null, { keys }, 'refused'],
  ['no key', {}, {}, 'no_own_key'],
  ['the default key', {}, { allowDefaultKey: true }, 'no_own_key'],
] as const)('of a node with %s nothing is believed', async (_what, secureChannel, bus, securityReason) => {
  expect(await nodeOf(secureChannel, bus)).toMatchObject({ ...NOTHING, available: true, securityReason });
});

test('a node that its own key secures is believed', async () => {
  const node = await nodeOf({ key: Buffer.from(KEY, 'hex') }, { keys });
  expect(node).toMatchObject({ available: true, security: 'secured', securityReason: null, vendor: '5eca00', tamper: true });
});
