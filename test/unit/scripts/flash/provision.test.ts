import { setTimeout as pauseFor } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Secret } from '../../../../agent/system/secret.ts';
import type { ManifestRow } from '../../../../scripts/flash/manifest.ts';
import { HubRefused } from '../../../../scripts/flash/problems.ts';
import { createApi } from '../../../../scripts/flash/provision.ts';

const KEY = 'key-"of"-the/factory';
const HUB: ManifestRow = {
  row: 2,
  hubId: '6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d11',
  serial: 'S1',
  model: 'M',
  vendorName: 'V',
  thingName: null,
  certificatePath: null,
  keyPath: null,
};

type Answer = Response | Error;
const networkFault = (code: string) => new TypeError('fetch failed', { cause: Object.assign(new Error(`it is ${code}`), { code }) });

/** Provisions with these answers, the last one again and again; gives the error, the requests and the pauses. */
async function provision(answers: Answer[], signal = new AbortController().signal) {
  const asked: Request[] = [];
  const pauses: number[] = [];
  const api = createApi({
    url: 'https://api.example/v1/',
    key: new Secret(KEY),
    signal,
    fetch: (async (url: string, init: RequestInit) => {
      asked.push(new Request(url, init));
      const answer = answers[Math.min(asked.length, answers.length) - 1]!;
      if (answer instanceof Error) throw answer;
      return answer.clone();
    }) as typeof fetch,
    pause: async (milliseconds) => void pauses.push(milliseconds),
  });
  const error = await api.provision(HUB).then(
    () => null,
    (thrown: Error) => thrown,
  );
  return { error, asked, pauses };
}

const answer = (status: number, text = '{}') => new Response(text, { status });

test('A hub is provisioned with one request', async () => {
  const { error, asked } = await provision([answer(200)]);
  expect(error).toBeNull();
  expect(asked.map(({ url, method, redirect }) => [url, method, redirect])).toEqual([
    [`https://api.example/v1/hubs/${HUB.hubId}/ProvisionHub`, 'POST', 'error'],
  ]);
  expect(asked[0]!.headers.get('x-api-key')).toBe(KEY);
});

test.each([
  answer(408),
  answer(429),
  answer(500),
  answer(503),
  networkFault('ECONNREFUSED'),
  networkFault('EAI_AGAIN'),
  networkFault('UND_ERR_SOCKET'),
  new DOMException('too slow', 'TimeoutError'),
])('What passes is tried again: %s', async (fault) => {
  expect((await provision([fault, fault, answer(200)])).error).toBeNull();
  const { error, asked, pauses } = await provision([fault]);
  expect(error?.message).toMatch(/run again|Run again/);
  expect(error).not.toBeInstanceOf(HubRefused);
  expect(asked).toHaveLength(5);
  expect(pauses).toEqual([500, 1000, 2000, 4000]);
});

test.each([
  [answer(400), true, 'Make its Thing'],
  [answer(409), true, 'belongs to another hub'],
  [answer(418), true, 'Correct what it names'],
  [answer(401), false, '--api-key-file'],
  [answer(403), false, '--api-key-file'],
  [answer(404), false, '--provision'],
  [new TypeError('fetch failed', { cause: new Error('unexpected redirect') }), false, 'redirect'],
  [networkFault('DEPTH_ZERO_SELF_SIGNED_CERT'), false, 'its certificate'],
  [networkFault('ERR_TLS_CERT_ALTNAME_INVALID'), false, 'its certificate'],
  [new TypeError('bad argument'), false, 'bad argument'],
])('What stays is told at once, with what to do: %s', async (fault, onlyThisHub, words) => {
  const { error, asked } = await provision([fault as Answer]);
  expect(asked).toHaveLength(1);
  expect(error?.message).toContain(words);
  expect(error instanceof HubRefused).toBe(onlyThisHub);
});

test('The key is in no error, however the API or the network quotes it, also where the text is cut', async () => {
  const quoting = [
    answer(400, `no such key: ${KEY}`),
    answer(400, JSON.stringify({ message: KEY })),
    answer(400, `?key=${encodeURIComponent(KEY)}`),
    new TypeError(`Headers: ${KEY} is an invalid header value`),
  ];
  for (const one of quoting) {
    const { error } = await provision([one]);
    expect(error?.message).toContain('[redacted]');
    expect(error?.message).not.toContain('factory');
  }
  const { error } = await provision([answer(400, `${'x'.repeat(290)}${KEY}`)]);
  expect(error?.message).not.toContain('key-');
  expect((await provision([answer(400, 'two\nlines\u001b[31m')])).error?.message).toContain('two lines [31m');
});

test('The signal to stop ends the pause', async () => {
  const stop = new AbortController();
  const api = createApi({
    url: 'https://api.example',
    key: new Secret(KEY),
    signal: stop.signal,
    fetch: async () => {
      setImmediate(() => stop.abort());
      return answer(503);
    },
    // So long that only the signal can end it.
    pause: (_milliseconds, signal) => pauseFor(3_600_000, undefined, { signal }),
  });
  await expect(api.provision(HUB)).rejects.toThrow('503');
});
