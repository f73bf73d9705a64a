import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { tlsRefusal } from '../../../../agent/cloud/connection/tls-context.ts';
import { loadConfig } from '../../../../agent/config/load.ts';
import type { TlsProof } from '../../../../agent/config/tls-proof.ts';
import { createFiles } from '../../../../agent/system/files.ts';
import { createPaths } from '../../../../agent/system/paths.ts';
import { type FlashDeps, type FlashOutcome, flash } from '../../../../scripts/flash/flash.ts';
import { generate, requestFiles } from '../../../../scripts/flash/generate.ts';
import { readCommonFiles } from '../../../../scripts/flash/hub-files.ts';
import { readManifest } from '../../../../scripts/flash/manifest.ts';
import { formatProblem, HubRefused, Refused } from '../../../../scripts/flash/problems.ts';
import { openRecords } from '../../../../scripts/flash/records.ts';
import { folderTarget, type Target } from '../../../../scripts/flash/targets.ts';
import { type Batch, makeBatch } from '../../../bench/flash/batch.ts';
import { createPki } from '../../../twins/pki/pki.ts';

const DAY_MS = 86_400_000;
/** The SDK's own, as at the station. */
const proof: TlsProof = async (credentials) => tlsRefusal(credentials);
let batch: Batch;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flash-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  batch = await makeBatch(folder, 3);
});

async function outcome(options: Partial<FlashDeps> & { hub?: number } = {}): Promise<FlashOutcome> {
  const rows = (await readManifest(batch.manifest)).rows.filter((_, index) => options.hub === undefined || index === options.hub);
  const records = await openRecords(batch.output);
  try {
    return await flash({
      rows,
      common: (await readCommonFiles(batch.config, { now: new Date() })).files,
      target: folderTarget(batch.output),
      records,
      output: batch.output,
      validity: { now: new Date(), minDays: 90, proof: null },
      api: null,
      replace: false,
      signal: new AbortController().signal,
      onResult: () => {},
      ...options,
    });
  } finally {
    await records.close();
  }
}

async function run(options: Parameters<typeof outcome>[0] = {}): Promise<string[]> {
  const { results } = await outcome(options);
  return results.map(({ state, problem }) => (problem === null ? state : `${state}: ${problem}`));
}

async function refusals(): Promise<string[]> {
  const error = await run().catch((refused: unknown) => refused);
  if (!(error instanceof Refused)) throw new Error(`it was taken: ${String(error)}`);
  expect(await readdir(join(batch.output, 'hubs')).catch(() => [])).toEqual([]);
  return error.problems.map(formatProblem);
}

const pem = (index: number, end: 'crt' | 'key') => join(batch.folder, `pem/${batch.hubIds[index]}.${end}`);

test('The agent takes what was flashed; the modes keep the key to root', async () => {
  expect(await run({ validity: { now: new Date(), minDays: 90, proof } })).toEqual(['flashed', 'flashed', 'flashed']);
  const [hubId] = batch.hubIds;
  const folder = join(batch.output, 'hubs', hubId!, 'etc/hub-agent');
  const mode = async (name: string) => ((await stat(join(folder, name))).mode & 0o777).toString(8);
  expect(await Promise.all(['', 'private-key.pem', 'identity.json', 'agent.json', 'certificate.pem'].map(mode))).toEqual([
    '750',
    '600',
    '640',
    '640',
    '644',
  ]);
  const config = await loadConfig({
    identityPath: join(folder, 'identity.json'),
    agentPath: join(folder, 'agent.json'),
    files: createFiles(),
    paths: createPaths(),
    // LoadCredential= gives the service these files under these names.
    env: { CREDENTIALS_DIRECTORY: folder },
    now: new Date(),
  });
  expect(config.identity).toMatchObject({ hubId, thingName: hubId, vendorName: 'Locks, Inc.' });
  const request = JSON.parse(await readFile(join(batch.output, 'provision', `${hubId}.json`), 'utf8'));
  expect(request).toEqual({ hubId, serial: 'SN-00000', model: 'HUB-1', thingName: hubId, vendorName: 'Locks, Inc.' });
});

test('A second run changes nothing; other data for a flashed hub is refused until it is meant', async () => {
  await run();
  expect(await run()).toEqual(['unchanged', 'unchanged', 'unchanged']);
  await writeFile(batch.manifest, (await readFile(batch.manifest, 'utf8')).replace('SN-00001', 'SN-99999'));
  expect(await run()).toEqual(['unchanged', expect.stringContaining('flashed before with other data'), 'unchanged']);
  expect(await run({ replace: true })).toEqual(['unchanged', 'flashed', 'unchanged']);
});

test('A hub whose files left the station is not made a second time', async () => {
  await run();
  await rm(join(batch.output, 'hubs', batch.hubIds[2]!), { recursive: true });
  expect(await run()).toEqual(['unchanged', 'unchanged', expect.stringContaining('would be its double')]);
});

test('A run that was cut goes on: what is half there is made anew', async () => {
  const target = folderTarget(batch.output);
  let written = 0;
  const cut: Target = {
    ...target,
    async write(hubId, files) {
      if (++written > 1) throw new Error('the power went');
      await target.write(hubId, files);
    },
  };
  await mkdir(join(batch.output, 'hubs', `.${batch.hubIds[1]}.new`), { recursive: true });
  expect((await run({ target: cut })).filter((state) => state === 'flashed')).toHaveLength(1);
  expect((await run()).sort()).toEqual(['flashed', 'flashed', 'unchanged']);
  expect((await readdir(join(batch.output, 'hubs'))).sort()).toEqual(batch.hubIds.toSorted());
});

test('Keys and certificates that cannot work are refused with the row, and nothing is written', async () => {
  const pki = await createPki();
  const expired = await pki.issueClient('x', { notBefore: new Date(Date.now() - 9 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) });
  await writeFile(pem(0, 'crt'), expired.certificate);
  await writeFile(pem(0, 'key'), expired.privateKey);
  await chmod(pem(1, 'key'), 0o644);
  await copyFile(pem(1, 'crt'), pem(2, 'crt'));
  expect(await refusals()).toEqual([
    expect.stringMatching(/^row 2, certificate: .*: the certificate has expired: .* Install a new certificate/),
    expect.stringMatching(/^row 3, key: .* has mode 0644.* chmod 0600/),
    expect.stringMatching(/^row 4, key: .*: it does not belong to the certificate/),
  ]);
});

test('A file that holds more than its kind is refused with row and remedy, and no byte of it is written', async () => {
  const [crt, key] = await Promise.all([readFile(pem(0, 'crt'), 'utf8'), readFile(pem(0, 'key'), 'utf8')]);
  await writeFile(pem(0, 'crt'), `${crt}${key}`);
  await writeFile(pem(1, 'key'), `${await readFile(pem(1, 'key'), 'utf8')}${key}`);
  const authority = await readFile(join(batch.folder, 'ca.pem'), 'utf8');
  expect(await refusals()).toEqual([
    expect.stringMatching(
      /^row 2, certificate: .*: it holds a private key beside the certificate.* Keep the private key in a file of its own/,
    ),
    expect.stringMatching(/^row 3, key: .*: it holds 2 private keys.* Leave the one/),
  ]);
  await writeFile(join(batch.folder, 'ca.pem'), `${authority}${key}`);
  await expect(readCommonFiles(batch.config, { now: new Date() })).rejects.toThrow(/caPath: .*ca\.pem: it holds a private key/);
});

test('Comments and line ends of the files are not written: what is on the hub was made from what was judged', async () => {
  const crt = await readFile(pem(0, 'crt'), 'utf8');
  await writeFile(pem(0, 'crt'), `secret comment\n${crt.replaceAll('\n', '\r\n')}`);
  await run();
  expect(await readFile(join(batch.output, 'hubs', batch.hubIds[0]!, 'etc/hub-agent/certificate.pem'), 'utf8')).toBe(crt);
});

test('A pair that the SDK does not take is refused, whatever else is right about it', async () => {
  const refusing: TlsProof = async () => ({ part: 'certificate', detail: 'AWS_IO_TLS_CTX_ERROR' });
  const error = (await run({ hub: 1, validity: { now: new Date(), minDays: 90, proof: refusing } }).catch(
    (refused: unknown) => refused,
  )) as Refused;
  expect(error.problems.map(formatProblem)).toEqual([expect.stringMatching(/^row 3, certificate: the AWS SDK cannot make a TLS context/)]);
});

test('Problems of the manifest, the configuration and the pairs are told in one pass', async () => {
  await chmod(pem(1, 'key'), 0o644);
  const known = [{ row: 9, field: 'serial', message: 'it is missing', remedy: 'Correct it.' }];
  const error = (await run({ problems: known }).catch((refused: unknown) => refused)) as Refused;
  expect(error.problems.map(({ row, field }) => [row, field])).toEqual([
    [9, 'serial'],
    [3, 'key'],
  ]);
  await writeFile(batch.config, JSON.stringify({ cloud: { endpoint: 'https://x', caPath: 'gone.pem' }, heartbeatMinutes: -1 }));
  const config = (await readCommonFiles(batch.config, { now: new Date() }).catch((refused: unknown) => refused)) as Refused;
  expect(config.problems.map(({ field }) => field).sort()).toEqual([
    '--config cloud.caPath',
    '--config cloud.endpoint',
    '--config heartbeatMinutes',
  ]);
});

test('After --generate a missing certificate is a request to be signed', async () => {
  const rows = (await readManifest(batch.manifest)).rows.map((hub) => ({ ...hub, certificatePath: null, keyPath: null }));
  await generate(batch.output, rows[0]!);
  const error = (await run({ rows }).catch((refused: unknown) => refused)) as Refused;
  const of = (row: number) => error.problems.filter((problem) => problem.row === row && problem.field === 'certificate');
  expect(of(2)[0]!.remedy).toBe(`Have ${requestFiles(batch.output, batch.hubIds[0]!).request} signed, and put the certificate there.`);
  expect(of(3)[0]!.remedy).toContain('run with --generate first');
});

test('One pair for two hubs, an authority and a short life are refused', async () => {
  await copyFile(pem(0, 'crt'), pem(1, 'crt'));
  await copyFile(pem(0, 'key'), pem(1, 'key'));
  await writeFile(pem(2, 'crt'), (await createPki()).caCertificate);
  expect(await refusals()).toEqual([
    'row 3, certificate: it is also that of row 2. Give each hub its own.',
    'row 3, key: it is also that of row 2. Give each hub its own.',
    expect.stringMatching(/^row 4, certificate: .*: it is the certificate of an authority/),
    expect.stringMatching(/^row 4, key: .*: it does not belong/),
  ]);
  const brief = await run({ hub: 0, validity: { now: new Date(), minDays: 5_000, proof: null } }).catch((error: Error) => error.message);
  expect(brief).toContain('in less than 5000 days');
});

test('A serial or a key that an earlier batch gave away is refused', async () => {
  await run({ hub: 0 });
  const text = await readFile(batch.manifest, 'utf8');
  const [head, first, ...rest] = text.split('\n');
  const other = first!.replace(batch.hubIds[0]!, 'ffffffff-0000-4000-8000-000000000000');
  await writeFile(batch.manifest, [head, other, ...rest].join('\n'));
  const error = (await run().catch((refused: unknown) => refused)) as Refused;
  expect(error.problems.map(({ row, field }) => `${row} ${field}`)).toEqual(['2 serial', '2 certificate', '2 key']);
  expect(error.message).toContain(`${batch.hubIds[0]}, flashed before`);
});

test("A Thing's name that an earlier batch gave away is refused, also when it was its hub's by default", async () => {
  await run({ hub: 0 });
  const lines = (await readFile(batch.manifest, 'utf8')).split('\n');
  const named = (line: string, thing: string) => line.replace('"Locks, Inc.",,', `"Locks, Inc.",${thing},`);
  await writeFile(batch.manifest, [lines[0], named(lines[2]!, batch.hubIds[0]!), named(lines[3]!, 'thing-3')].join('\n'));
  const first = (await run({ hub: 0 }).catch((refused: unknown) => refused)) as Refused;
  expect(first.problems.map(formatProblem)).toEqual([
    `row 2, thingName: it is also that of the hub ${batch.hubIds[0]}, flashed before. Give each hub its own.`,
  ]);
  expect(await run({ hub: 1 })).toEqual(['flashed']);
  await writeFile(batch.manifest, [lines[0], named(lines[2]!, 'thing-3')].join('\n'));
  const second = (await run().catch((refused: unknown) => refused)) as Refused;
  expect(second.problems.map(({ field }) => field)).toEqual(['thingName']);
});

test('Only the owner of the station gets at what was flashed', async () => {
  await mkdir(join(batch.output, 'hubs'), { recursive: true, mode: 0o755 });
  await run();
  expect((await stat(join(batch.output, 'hubs'))).mode & 0o777).toBe(0o700);
});

test('Keys made on the line: a request that openssl reads, and the same key the second time', async () => {
  const rows = (await readManifest(batch.manifest)).rows.map((hub) => ({ ...hub, certificatePath: null, keyPath: null }));
  const files = requestFiles(batch.output, batch.hubIds[0]!);
  expect(await generate(batch.output, rows[0]!)).toBe(true);
  const key = await readFile(files.privateKey, 'utf8');
  expect((await stat(files.privateKey)).mode & 0o777).toBe(0o600);
  await rm(files.request);
  expect(await generate(batch.output, rows[0]!)).toBe(true);
  expect(await generate(batch.output, rows[0]!)).toBe(false);
  expect(await readFile(files.privateKey, 'utf8')).toBe(key);
  const request = await readFile(files.request, 'utf8');
  expect(request).toMatch(/^-----BEGIN CERTIFICATE REQUEST-----/);
  const x509 = await import('@peculiar/x509');
  const parsed = new x509.Pkcs10CertificateRequest(request);
  expect(await parsed.verify()).toBe(true);
  expect(parsed.subject).toBe(`CN=${batch.hubIds[0]}`);
});

const accepting = { provision: () => Promise.resolve() };

test('A hub that the API does not take is flashed all the same, and the next run only asks again', async () => {
  const refusing = { provision: () => Promise.reject(new HubRefused('no Thing')) };
  const first = await outcome({ api: refusing });
  expect(first.results).toEqual(
    batch.hubIds.map((hubId) => expect.objectContaining({ hubId, state: 'flashed', provisioned: false, problem: 'no Thing' })),
  );
  const second = await outcome({ api: accepting });
  expect(second.results.map(({ state, provisioned, problem }) => [state, provisioned, problem])).toEqual(
    batch.hubIds.map(() => ['unchanged', true, null]),
  );
});

test('Ten faults of the station in a row stop the run and say how many are left; refusals of single hubs do not', async () => {
  const folder = join(batch.folder, 'many');
  await mkdir(folder);
  const HUBS = 18;
  batch = await makeBatch(folder, HUBS);
  const dead = await outcome({ api: { provision: () => Promise.reject(new Error('no answer')) } });
  const left = HUBS - dead.results.length;
  expect(left).toBeGreaterThan(0);
  expect(dead.stopped).toBe(`stopped after 10 failures in a row, ${left} hubs left: mend the cause and run again.`);

  const refused = await outcome({ api: { provision: () => Promise.reject(new HubRefused('409')) } });
  expect(refused).toMatchObject({ stopped: null, results: { length: HUBS } });

  let asked = 0;
  const flaky = { provision: () => (++asked % 5 === 0 ? Promise.resolve() : Promise.reject(new Error('no answer'))) };
  expect(await outcome({ api: flaky })).toMatchObject({ stopped: null, results: { length: HUBS } });
});

test('A disk that is full stops the run: no hub counts as flashed', async () => {
  const folder = join(batch.folder, 'many');
  await mkdir(folder);
  batch = await makeBatch(folder, 16);
  const full = { ...folderTarget(batch.output), write: () => Promise.reject(new Error('ENOSPC')) };
  const { results, stopped } = await outcome({ target: full });
  expect(new Set(results.map(({ state }) => state))).toEqual(new Set(['failed']));
  expect(stopped).toContain('stopped after 10 failures in a row');
});

test('A hub that was flashed before is known also when its id is written in other letters', async () => {
  await run({ hub: 0 });
  const [hubId] = batch.hubIds;
  await writeFile(batch.manifest, (await readFile(batch.manifest, 'utf8')).replace(`\n${hubId!}`, `\n${hubId!.toUpperCase()}`));
  const error = (await run({ hub: 0 }).catch((refused: unknown) => refused)) as Refused;
  expect(error.problems.map(formatProblem)).toEqual([
    `row 2, hubId: it is the hub ${hubId}, flashed before, in other letters. Write it the same way.`,
  ]);
});
