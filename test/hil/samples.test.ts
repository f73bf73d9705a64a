import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWorld, HUB_ID } from '../twins/cloud-api/world.ts';
import { createPki } from '../twins/pki/pki.ts';
import type { Pki } from '../twins/pki/types.ts';
import { fillIn, isInstalled, readSample, runSample, type SampleLanguage, type SamplePage } from './samples/run-sample.ts';

const LANGUAGES: SampleLanguage[] = ['curl', 'python', 'javascript', 'go', 'ruby'];
const PAGES: SamplePage[] = ['ProvisionHub', 'ClaimHub', 'SendHubCommand'];

/** The samples' own values, which stay: only host, id and keys are replaced. */
const SAMPLE_ORG = 'example_string';
const SAMPLE_THING = 'John Doe';
const API_KEY = 'key-of-the-sample-org';

let pki: Pki;
let world: Awaited<ReturnType<typeof createWorld>>;

beforeAll(async () => {
  pki = await createPki();
  world = await createWorld({ keys: [{ key: API_KEY, orgId: SAMPLE_ORG }], tls: await pki.issueServer(['127.0.0.1']) });
  world.iot.registerThing(SAMPLE_THING);
  world.iot.report(SAMPLE_THING, { online: true });
});

afterAll(() => world.api.stop());

function credentials(kind: 'token' | 'apiKey' | 'both') {
  const token = world.api.issueToken({ orgId: SAMPLE_ORG, userId: 'user' });
  return { ...(kind !== 'apiKey' && { token }), ...(kind !== 'token' && { apiKey: API_KEY }) };
}

/** Provisions, claims and commands one hub by the three samples of a language, and looks at what came of it. */
async function tour(language: SampleLanguage, hubId: string, variant: { standInForRequests?: boolean; host?: string } = {}): Promise<void> {
  const start = world.lines.length;
  const shared = { language, host: world.api.url, hubId, caCertificate: pki.caCertificate, ...variant };
  const outputs: string[] = [];
  for (const [page, kind] of [
    ['ProvisionHub', 'apiKey'],
    ['ClaimHub', 'token'],
    ['SendHubCommand', 'both'],
  ] as const) {
    const result = await runSample({ ...shared, page, credentials: credentials(kind) });
    expect(result.exitCode, `${page}: ${result.stderr}`).toBe(0);
    outputs.push(result.stdout);
  }

  expect(world.lines.slice(start)).toEqual([
    { method: 'POST', path: `/hubs/${hubId}/ProvisionHub`, status: 201 },
    { method: 'POST', path: `/hubs/${hubId}/ClaimHub`, status: 200 },
    { method: 'POST', path: `/hubs/${hubId}/SendHubCommand`, status: 200 },
  ]);
  const printed = language === 'go' ? ['201 Created', '200 OK', '200 OK'] : [hubId, hubId, hubId];
  for (const [index, text] of printed.entries()) expect(outputs[index]).toContain(text);
  const desired = world.iot.shadow(SAMPLE_THING).get()?.state.desired;
  expect(desired).toMatchObject({
    command: 'get_nodes',
    args: {},
    claim: { orgId: SAMPLE_ORG, siteId: SAMPLE_ORG, claimedBy: SAMPLE_ORG },
  });
}

/** Skips the rest of a test, and says so: a test runner's summary does not name what it skipped. */
function skipUnlessInstalled(language: SampleLanguage, skip: (note: string) => void): void {
  if (isInstalled(language)) return;
  const note = `${language} is not installed here: its samples were not run`;
  process.stdout.write(`${note}\n`);
  skip(note);
}

for (const [index, language] of LANGUAGES.entries()) {
  const title = `the ${language} samples work ${language === 'go' ? 'once their unused import is blank' : 'unchanged'}`;
  test(title, async ({ skip }) => {
    skipUnlessInstalled(language, skip);
    await tour(language, `00000000-0000-4000-8000-00000000000${index}`);
  });
}

test('the Python samples work where the requests package is missing', async ({ skip }) => {
  skipUnlessInstalled('python', skip);
  await tour('python', '00000000-0000-4000-8000-000000000010', { standInForRequests: true });
});

test('the JavaScript samples work over TLS on the same port', async () => {
  await tour('javascript', '00000000-0000-4000-8000-000000000011', { host: world.api.secureUrl });
});

test('a refusal reaches the caller in the words of the page', async () => {
  const sample = { language: 'javascript', page: 'SendHubCommand', host: world.api.url, hubId: HUB_ID } as const;
  const unauthorized = await runSample({ ...sample, credentials: {} });
  expect(unauthorized.stdout).toContain('Authentication required. Please provide a valid API token');
  await world.post('ProvisionHub', { hubId: HUB_ID, serial: 's', model: 'm' }, { 'x-api-key': API_KEY });
  const offline = await runSample({ ...sample, credentials: { apiKey: API_KEY } });
  expect(offline.stdout).toContain('Hub offline — the hub is not currently connected to the network.');
});

test.each(LANGUAGES)('%s: host, id and keys are all that is replaced', async (language) => {
  for (const page of PAGES) {
    const original = await readSample(language, page);
    const filled = fillIn(original, { host: '<host>', hubId: '<id>', credentials: { token: '<token>', apiKey: '<key>' } });
    for (const part of [`<host>/hubs/<id>/${page}`, '"hubId": "<id>"', 'Bearer <token>', '<key>']) expect(filled).toContain(part);
    const restored = filled
      .replaceAll('<host>', 'https://api.spkey.co')
      .replaceAll('<id>', 'example_string')
      .replaceAll('<token>', 'YOUR_API_TOKEN (JWT)')
      .replaceAll('<key>', 'YOUR_API_KEY');
    expect(restored).toBe(original);
  }
});
