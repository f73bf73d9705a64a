import { expect, test } from 'vitest';
import { lookupApart } from '../../../../agent/hubctl/connectivity/lookup.ts';

const program = (text: string) => [process.execPath, '--input-type=commonjs', '-e', text, '--'] as const;
const never = new AbortController().signal;

test('a name of this machine resolves', async () => {
  const { addresses } = await lookupApart('localhost', never);
  expect(addresses.some((address) => ['127.0.0.1', '::1'].includes(address))).toBe(true);
});

test.each(['-e', '--help', 'a b'])('a name that looks like an option is a name: %s', async (host) => {
  await expect(lookupApart(host, never)).rejects.toMatchObject({ code: expect.stringMatching(/^E/) });
});

test('a resolver that is silent is left behind', async () => {
  const late = new AbortController();
  const asked = lookupApart('x.test', late.signal, program('setInterval(() => {}, 1000); process.stdout.write(" ")'));
  late.abort();
  await expect(asked).rejects.toMatchObject({ code: 'ETIMEDOUT' });
});

test.each([
  ['nothing', ''],
  ['no JSON', 'process.stdout.write("what")'],
  ['a failure of its own', 'process.exit(3)'],
])('a lookup that answers %s is a failure', async (_what, text) => {
  await expect(lookupApart('x.test', never, program(text))).rejects.toMatchObject({ code: 'EAI_FAIL' });
});
