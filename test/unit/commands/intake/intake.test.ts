import { expect, test } from 'vitest';
import { type CommandHandler, createCatalog } from '../../../../agent/commands/handlers/handler.ts';
import { createSetWifiCredentials } from '../../../../agent/commands/handlers/set-wifi-credentials.ts';
import { candidateOf, canonicalJson, inProgressOf, requestCandidate, shadowCommandId } from '../../../../agent/commands/intake/intake.ts';
import { isSafeId } from '../../../../agent/commands/lifecycle/journal-entry.ts';
import type { ShadowView } from '../../../../agent/contract/shadow.ts';
import type { Wifi } from '../../../../agent/contract/wifi.ts';

const KEY = Buffer.alloc(32, 7);
const catalog = createCatalog([createSetWifiCredentials({ wifi: {} as Wifi, timeoutMs: 1 }) as CommandHandler]);
const context = { key: KEY, receivedAt: 5, ttlSeconds: 300, catalog };

function view(command: unknown, args: unknown, change: Partial<ShadowView> = {}): ShadowView {
  const desiredMetadata = { command: { timestamp: 1000 } };
  return { source: 'delta', version: 4, timestampSeconds: 1000, desired: { command, args }, desiredMetadata, reported: null, ...change };
}

const refusal = (candidate: ReturnType<typeof candidateOf>) =>
  candidate?.verdict.accept === false && candidate.verdict.outcome.status !== 'SUCCEEDED' ? candidate.verdict.outcome : null;

test('canonical JSON does not depend on the order of keys, at any depth, and keeps lists in order', () => {
  expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1}]}');
  expect(canonicalJson([2, 1, 'é', undefined])).toBe('[2,1,"é",null]');
});

test('an id has the timestamp and eight hex digits, and is the same for the same command under the same key', () => {
  const id = shadowCommandId({ command: 'x', args: { a: 1, b: 2 } }, 1000, KEY);
  expect(id).toMatch(/^shadow-1000-[0-9a-f]{8}$/);
  expect(shadowCommandId({ command: 'x', args: { b: 2, a: 1 } }, 1000, KEY)).toBe(id);
  expect(shadowCommandId({ command: 'x', args: { a: 1, b: 2 } }, 1000, Buffer.alloc(32, 8))).not.toBe(id);
  expect(shadowCommandId({ command: 'x', args: { a: 1, b: 3 } }, 1000, KEY)).not.toBe(id);
  expect(shadowCommandId({ command: 'x', args: { a: 1, b: 2 } }, 1001, KEY)).not.toBe(id);
  expect(shadowCommandId({ command: 'x', args: undefined }, 1, KEY)).toBe(shadowCommandId({ command: 'x', args: {} }, 1, KEY));
});

test('an id is the same in a delta, in a read, and whatever else has been updated since', () => {
  const args = { ssid: 'Home' };
  const first = candidateOf(view('set_wifi_credentials', args), context);
  const later = view('set_wifi_credentials', args, { source: 'read', version: 90, timestampSeconds: 1200, reported: {} });
  expect(candidateOf(later, context)?.id).toBe(first?.id);
});

test('the age is the difference of two times of the cloud: the hub is not asked', () => {
  const args = { ssid: 'Home' };
  const at = (timestampSeconds: number) =>
    candidateOf(view('set_wifi_credentials', args, { timestampSeconds }), { ...context, receivedAt: 0 });
  expect(at(1300)?.verdict.accept).toBe(true);
  expect(refusal(at(1301))).toMatchObject({ status: 'TIMED_OUT', error: { code: 'expired' } });
  expect(at(900)?.verdict.accept).toBe(true);
});

test('what is unknown or invalid is refused in the words of the contract, without a secret', () => {
  expect(refusal(candidateOf(view('reboot', {}), context))).toMatchObject({ status: 'REJECTED', error: { code: 'unknown_command' } });
  expect(refusal(candidateOf(view({ odd: true }, {}), context))).toMatchObject({ error: { code: 'unknown_command' } });
  const nameOf = (command: unknown) => candidateOf(view(command as string, {}), context)?.command;
  expect([7, true, [1], { ssid: 'x' }].map(nameOf)).toEqual(['7', 'true', '(a list)', '(an object)']);
  const invalid = refusal(candidateOf(view('set_wifi_credentials', { credentials: 'short' }), context));
  expect(invalid).toMatchObject({
    status: 'REJECTED',
    error: { code: 'invalid_args', details: [{ field: 'ssid' }, { field: 'credentials' }] },
  });
  expect(JSON.stringify(invalid)).not.toContain('short');
});

test.each([{ set_wifi_credentials: { ssid: 'Home', credentials: 'hunter22' } }, [{ command: 'x', args: { credentials: 'hunter22' } }]])(
  'args in the place of the name are not quoted: %j',
  (command) => {
    const candidate = candidateOf(view(command, {}), context);
    expect(refusal(candidate)).toMatchObject({ status: 'REJECTED', error: { code: 'unknown_command' } });
    expect(JSON.stringify(candidate)).not.toContain('hunter22');
  },
);

test('a name that nobody can print is made printable and short', () => {
  const candidate = candidateOf(view(`\u001b[31m${'x'.repeat(500)}`, {}), context);
  expect(candidate?.command).toMatch(/^[\x20-\x7e]{64}$/);
});

test.each([null, undefined])('no command stands when it is %s', (command) => {
  expect(candidateOf(view(command, { ssid: 'left over' }), context)).toBeNull();
});

test.each([
  ['not JSON', '{"command": "set_wifi_credentials", "args": {"credentials": "hunter22'],
  ['no object', '"set_wifi_credentials"'],
  ['null', 'null'],
])('a request that is %s is refused without quoting it', (_what, payload) => {
  const candidate = requestCandidate(Buffer.from(payload), { id: 'e', receivedAt: 1, ageSeconds: null, ttlSeconds: 300, catalog });
  expect(refusal(candidate)).toMatchObject({ status: 'REJECTED', error: { code: 'invalid_args' } });
  expect(JSON.stringify(candidate)).not.toContain('hunter22');
});

test('only a lastCommand that is IN_PROGRESS and has an id counts as running', () => {
  const read = (lastCommand: unknown) => inProgressOf(view(null, null, { source: 'read', reported: { lastCommand } }));
  expect(read({ id: 'a', command: 'x', status: 'IN_PROGRESS', receivedAt: 9 })).toEqual({ id: 'a', command: 'x', receivedAt: 9 });
  expect(read({ id: 'a', command: 'x', status: 'SUCCEEDED' })).toBeNull();
  expect(read({ status: 'IN_PROGRESS' })).toBeNull();
  // It would leave the journal's folder, and be a topic that no broker takes.
  expect(read({ id: '../../evil/#', command: 'x', status: 'IN_PROGRESS' })).toBeNull();
  expect(read(undefined)).toBeNull();
  expect(inProgressOf(view('x', {}))).toBeNull();
});

test.each<[string, unknown, (at: number) => unknown]>([
  ['a list', ['get_nodes'], (at) => [{ timestamp: at }]],
  ['an object', { name: 'get_nodes', timestamp: 7 }, (at) => ({ name: { timestamp: 900 }, timestamp: { timestamp: at } })],
  ['a list of objects', [{ a: [1] }], (at) => [{ a: [{ timestamp: at }] }]],
])('%s as a command is one command for each time it is written, and refused each time', (_what, command, metadata) => {
  const at = (timestamp: number, later = 0) =>
    candidateOf(view(command, {}, { desiredMetadata: { command: metadata(timestamp) }, timestampSeconds: timestamp + later }), context);
  expect(at(1000)?.id).toMatch(/^shadow-1000-/);
  expect(at(1000, 60)?.id).toBe(at(1000)?.id);
  expect(at(1001)?.id).not.toBe(at(1000)?.id);
  expect(refusal(at(1000))).toMatchObject({ status: 'REJECTED', error: { code: 'unknown_command' } });
  expect(refusal(at(1000, 301))).toMatchObject({ status: 'TIMED_OUT' });
});

test('an empty list or object has no time of its own: its args have, or the message', () => {
  const at = (timestampSeconds: number, args: unknown = undefined) =>
    candidateOf(view([], {}, { desiredMetadata: { command: [], ...(args !== undefined && { args }) }, timestampSeconds }), context)?.id;
  expect(at(1000, { ssid: { timestamp: 990 } })).toMatch(/^shadow-990-/);
  expect(at(1000)).not.toBe(at(1001));
});

test.each([1e300, 1e21, 1.5, -7, 2 ** 53, Number.NaN, '1000'])(
  'a time of writing that is %s gives no odd id, and the command is judged',
  (timestamp) => {
    const odd = view('set_wifi_credentials', { ssid: 'Home' }, { timestampSeconds: 0, desiredMetadata: { command: { timestamp } } });
    const candidate = candidateOf(odd, context);
    expect(isSafeId(candidate!.id), candidate!.id).toBe(true);
    expect(candidate?.verdict.accept).toBe(true);
  },
);

test('what another wrote as the time of a command in progress is a time', () => {
  const last = { id: 'shadow-1000-0123abcd', command: 'get_nodes', status: 'IN_PROGRESS' };
  const receivedAt = (value: unknown) =>
    inProgressOf(view('x', {}, { reported: { lastCommand: { ...last, receivedAt: value } } }))?.receivedAt;
  expect(receivedAt(5)).toBe(5);
  for (const odd of [1e300, -1, 0.5, '5', null]) expect(receivedAt(odd)).toBe(0);
});
