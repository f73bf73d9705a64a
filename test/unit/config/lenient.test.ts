import fc from 'fast-check';
import { expect, test } from 'vitest';
import { agentSchema } from '../../../agent/config/agent-schema.ts';
import { identitySchema } from '../../../agent/config/identity-schema.ts';
import { readLeniently } from '../../../agent/config/lenient.ts';
import { DEFAULT_SOCKET_PATH, locationsIn, readObject } from '../../../agent/config/locations.ts';
import { AGENT, IDENTITY, refusal } from './rig.ts';

test('a right document is read as by the strict mode', () => {
  const document = { ...AGENT, buses: [{ id: 'rs485', protocol: 'osdp', path: '/dev/ttyS1', baudRate: 'auto' }] };
  expect(readLeniently(agentSchema, document)).toEqual(agentSchema.parse(document));
  expect(readLeniently(identitySchema, IDENTITY)).toEqual(identitySchema.parse(IDENTITY));
});

test('of a wrong document each field that can be used counts, and the others have their defaults', () => {
  const wrong = {
    cloud: { endpoint: 'mqtts://iot.example.com', port: '8883', shadowName: 7, tls: true },
    buses: [{ id: 'A', path: '/dev/ttyS1', baudRate: 9601, protocol: 'zigbee' }, null, 5],
    wifi: 'none',
    local: [],
    heartbeatMinutes: -1,
  };
  expect(readLeniently(agentSchema, wrong)).toMatchObject({
    cloud: { endpoint: 'mqtts://iot.example.com', port: 8883, shadowName: null, connect: { spreadSeconds: 25 } },
    buses: [{ id: 'A', path: '/dev/ttyS1', baudRate: 9600, protocol: undefined }, { id: undefined, baudRate: 9600 }, { id: undefined }],
    wifi: { backend: 'auto' },
    local: { socketPath: DEFAULT_SOCKET_PATH },
    heartbeatMinutes: 15,
  });
});

test('any JSON is read without an error, and gives the shape of the configuration', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const { cloud, buses, wifi } = readLeniently(agentSchema, value);
      expect(cloud?.port).toBe(8883);
      expect(buses).toEqual([]);
      expect(wifi?.backend).toBe('auto');
      expect(locationsIn({ local: value, stateDirectory: value }, '/etc/hub-agent/agent.json').socketPath).toMatch(/^\//);
    }),
    { numRuns: 300 },
  );
});

test.each([
  ['no file', async () => null, {}, null],
  ['no JSON', async () => Buffer.from('{"hubId":'), {}, null],
  ['a list', async () => Buffer.from('[1]'), {}, null],
  ['a byte order mark', async () => Buffer.from('\uFEFF{"hubId": 1}'), { hubId: 1 }, null],
  ['a file that may not be read', () => Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' })), {}, 'EACCES'],
])('the object in a document: %s', async (_what, read, value, code) => {
  const found = await readObject({ read }, '/etc/hub-agent/identity.json');
  expect(found.value).toEqual(value);
  expect((found.error as NodeJS.ErrnoException | null)?.code ?? null).toBe(code);
});

test.each([
  ['hubid', 'hubId'],
  ['privatekeyPath', 'privateKeyPath'],
  ['seriel', 'serial'],
])('the strict mode proposes the key that was meant by "%s"', async (typed, meant) => {
  const { [meant as keyof typeof IDENTITY]: value, ...rest } = IDENTITY;
  const { problems } = await refusal({ identity: { ...rest, [typed]: value } });
  expect(problems).toContainEqual(expect.objectContaining({ field: typed, remedy: `Did you mean "${meant}"?` }));
});
