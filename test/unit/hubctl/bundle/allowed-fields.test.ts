import { expect, test } from 'vitest';
import { agentSchema } from '../../../../agent/config/agent-schema.ts';
import { allowedFields } from '../../../../agent/hubctl/bundle/allowed-fields.ts';

const SECRET = 'correct horse battery';
const picked = (value: unknown) => allowedFields(agentSchema, JSON.stringify(value));

test('known fields with values that the schema takes go in as they are, in lists too', () => {
  const config = {
    cloud: { endpoint: 'x.example', caPath: 'ca.pem', connect: { spreadSeconds: 5 }, fallbackPort: null },
    buses: [{ id: 'a', protocol: 'osdp', path: '/dev/ttyUSB0', addresses: [1, '3-5'], keysPath: 'keys.json' }],
  };
  expect(picked(config)).toEqual(config);
});

test.each([
  ['a field that the schema does not know', { cloud: { endpoint: 'x.example', password: SECRET } }],
  ['a section that it does not know', { wlan: { psk: SECRET } }],
  ['a name that is the secret itself', { [SECRET]: true }],
  ['a value of another kind', { cloud: [SECRET] }],
  ['a value that a field refuses', { cloud: { endpoint: SECRET }, log: { level: SECRET } }],
  ['a bus', { buses: [{ id: 'a', protocol: 'osdp', path: '/dev/x', scbk: SECRET, addresses: [SECRET] }] }],
  ['something that is no list', { buses: { a: SECRET } }],
  ['a document that is a text', SECRET],
])('nothing else goes in: %s', (_what, value) => {
  expect(JSON.stringify(picked(value))).not.toContain(SECRET);
});

test('of a file that is no JSON only the place of the fault is told', () => {
  expect(allowedFields(agentSchema, `{"cloud": ${SECRET}}`)).toEqual({ problem: expect.stringMatching(/^it is not JSON: line 1, column/) });
});
