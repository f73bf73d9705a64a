import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { readCommonFiles } from '../../../../scripts/flash/hub-files.ts';
import { createPki } from '../../../twins/pki/pki.ts';

const YEARS_MS = 200 * 365 * 86_400_000;
let config: string;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flash-config-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  config = join(folder, 'agent.json');
  await writeFile(join(folder, 'ca.pem'), (await createPki()).caCertificate);
});

async function read(document: object, now = new Date()) {
  await writeFile(config, JSON.stringify(document));
  return readCommonFiles(config, { now });
}

const cloud = { endpoint: 'x.example', caPath: 'ca.pem' };

test('The configuration of the batch is checked as the agent would', async () => {
  await expect(read({ cloud: { ...cloud, endpoint: 'https://x' } })).rejects.toThrow('host name');
  await expect(read({ cloud: { ...cloud, caPath: 'other.pem' } })).rejects.toThrow('other.pem cannot be read (ENOENT)');
  await expect(read({ cloud }, new Date(Date.now() + YEARS_MS))).rejects.toThrow(
    /caPath: .*ca\.pem: every certificate authority in it has expired/,
  );
});

test('What is no JSON is refused with line and column, and nothing of it is quoted', async () => {
  await writeFile(config, '{ "cloud": {},\n "log": topsecret }');
  const error = await readCommonFiles(config, { now: new Date() }).catch((refused: Error) => refused.message);
  expect(error).toMatch(/^--config: it is not JSON: line 2, column 9/);
  expect(error).not.toContain('topsecret');
  await writeFile(config, `{ "cloud": ${JSON.stringify(cloud)}, "log": {}, "log": {} }`);
  await expect(readCommonFiles(config, { now: new Date() })).rejects.toThrow('a second time');
});

test.each(['certificate.pem', 'private-key.pem', 'identity.json', 'agent.json', 'credentials'])(
  'An authority may not take the place of %s',
  async (caPath) => {
    await writeFile(join(folder, caPath), 'x');
    await expect(read({ cloud: { ...cloud, caPath } })).rejects.toThrow("the hub's own files");
  },
);

test('A byte order mark is left out of what is flashed; another encoding is refused', async () => {
  const text = JSON.stringify({ cloud });
  await writeFile(config, `\uFEFF${text}`);
  const { files } = await readCommonFiles(config, { now: new Date() });
  expect(files.map(({ name }) => name)).toEqual(['agent.json', 'ca.pem']);
  expect(files[0]!.data.toString('utf8')).toBe(text);
  await writeFile(config, Buffer.from(`${text} é`, 'latin1'));
  await expect(readCommonFiles(config, { now: new Date() })).rejects.toThrow(/not text in UTF-8\. Save it/);
});

test('The keys of a bus do not come along, and that is said', async () => {
  const bus = { id: 'a', protocol: 'osdp', path: '/dev/ttyUSB0' };
  expect((await read({ cloud, buses: [bus] })).warnings).toEqual([]);
  const { warnings } = await read({ cloud, buses: [bus, { ...bus, id: 'b', path: '/dev/ttyUSB1', keysPath: 'credential:keys_b' }] });
  expect(warnings).toEqual(['--config buses[1].keysPath: credential:keys_b is not flashed: put the file on the hub.']);
});
