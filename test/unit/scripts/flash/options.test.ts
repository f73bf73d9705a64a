import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { readApiKey } from '../../../../scripts/flash/api-key.ts';
import { readOptions } from '../../../../scripts/flash/options.ts';
import { UsageError } from '../../../../scripts/flash/problems.ts';

const NEEDED = ['--manifest', 'm.csv', '--output', 'out', '--config', 'agent.json'];
const withUrl = (url: string) => readOptions([...NEEDED, '--provision', url, '--api-key-file', '-']);

test.each(['https://api.example/v1', 'http://localhost:8080', 'http://127.0.0.1', 'http://[::1]:80/x'])('The key may go to %s', (url) => {
  expect(withUrl(url)?.provision).toBe(new URL(url).href);
});

test.each([
  'http://api.example',
  'http://127.0.0.1.example',
  'http://localhost.example',
  'ftp://api.example',
  'api.example',
  '/v1',
  '',
  'https://api.example/?a=b',
])('The key does not go to "%s"', (url) => {
  expect(() => withUrl(url)).toThrow(UsageError);
});

test('A secret in the address is not repeated', () => {
  for (const url of ['https://user:topsecret@api.example', 'http://user:topsecret@api.example']) {
    expect(() => withUrl(url)).toThrow(/^(?!.*topsecret).*Leave them out/s);
  }
  for (const url of ['https://api.example?key=topsecret', 'topsecret']) expect(() => withUrl(url)).toThrow(/^--provision: (?!.*topsecret)/);
});

test('Options that are unknown or do not fit are refused', () => {
  for (const args of [[], [...NEEDED, '--api-key', 'x'], [...NEEDED, '--provision', 'https://x.example'], [...NEEDED, '--offset', '1.5']]) {
    expect(() => readOptions(args)).toThrow(UsageError);
  }
  expect(readOptions(['--help'])).toBeNull();
});

test('The API key is one word; anything else is refused without a word of it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'api-key-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'key');
  const read = async (text: string) => {
    await writeFile(path, text);
    return readApiKey(path, process.stdin);
  };
  expect((await read('  the-key\r\n')).reveal()).toBe('the-key');
  expect((await readApiKey('-', Readable.from(['the-', 'key\n']))).reveal()).toBe('the-key');
  for (const text of ['', '\n', 'topsecret topsecret', 'topsecret\ntopsecret', 'topsecrét', 'API_KEY= topsecret', 'topsecret\u0000']) {
    const error = await read(text).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain(path);
    expect((error as Error).message).not.toContain('topsecr');
  }
  await expect(readApiKey(join(folder, 'none'), process.stdin)).rejects.toThrow(/none cannot be read \(ENOENT\)\. Check/);
});
