import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyUpdate, documentOf, NO_SHADOW, type Shadow, type ShadowChange } from './shadow.ts';
import { depth, difference, equal, type Json, type JsonObject, mergeSection } from './shadow-document.ts';
import type { RequestedState, ShadowUpdate } from './shadow-request.ts';

const MAX_BYTES = 8192;

function accept(shadow: Shadow, state: ShadowUpdate['state'], timestamp: number, version?: number): ShadowChange {
  const change = applyUpdate(shadow, { state, ...(version === undefined ? {} : { version }) }, timestamp, MAX_BYTES);
  if ('code' in change) throw new Error(change.message);
  return change;
}

/** Applies updates one second apart, the first at second 1. */
function build(...updates: (RequestedState | null)[]): ShadowChange {
  let change: ShadowChange | null = null;
  for (const [index, update] of updates.entries()) change = accept(change?.shadow ?? NO_SHADOW, update, index + 1);
  return change!;
}

test('creates a shadow with version 1 and metadata for each leaf', () => {
  const { shadow, accepted } = build({ desired: { a: 1, b: { c: 'x' }, d: [1, { e: 2 }] } });
  expect(accepted).toEqual({
    state: { desired: { a: 1, b: { c: 'x' }, d: [1, { e: 2 }] } },
    metadata: { desired: { a: { timestamp: 1 }, b: { c: { timestamp: 1 } }, d: [{ timestamp: 1 }, { e: { timestamp: 1 } }] } },
    version: 1,
    timestamp: 1,
  });
  expect(documentOf(shadow)).toMatchObject({ version: 1, state: accepted.state, metadata: accepted.metadata });
});

test('accepted tells only what the request named', () => {
  const { accepted, shadow } = build({ desired: { a: 1 } }, { reported: { b: 2 } });
  expect(accepted.state).toEqual({ reported: { b: 2 } });
  expect(accepted.metadata).toEqual({ reported: { b: { timestamp: 2 } } });
  expect(documentOf(shadow).state).toEqual({ desired: { a: 1 }, reported: { b: 2 } });
});

test('merges objects deeply and replaces arrays whole', () => {
  const { shadow } = build({ reported: { o: { a: 1, b: 2 }, list: [1, 2, 3] } }, { reported: { o: { b: 3, c: 4 }, list: [9] } });
  expect(shadow.reported?.state).toEqual({ o: { a: 1, b: 3, c: 4 }, list: [9] });
  expect(shadow.reported?.metadata).toEqual({
    o: { a: { timestamp: 1 }, b: { timestamp: 2 }, c: { timestamp: 2 } },
    list: [{ timestamp: 2 }],
  });
});

test('a scalar becomes an object and an object a scalar', () => {
  const { shadow } = build({ reported: { a: 1, b: { c: 1 } } }, { reported: { a: { x: 1 }, b: 2 } });
  expect(shadow.reported).toEqual({
    state: { a: { x: 1 }, b: 2 },
    metadata: { a: { x: { timestamp: 2 } }, b: { timestamp: 2 } },
  });
});

test('the time of a leaf survives other updates and changes when the same value is written again', () => {
  const first = build({ desired: { command: 'get_nodes', args: { bus: 'a' } } }, { reported: { online: true } });
  expect(first.shadow.desired?.metadata).toEqual({ command: { timestamp: 1 }, args: { bus: { timestamp: 1 } } });
  const again = accept(first.shadow, { desired: { command: 'get_nodes' } }, 9);
  expect(again.shadow.desired?.metadata).toEqual({ command: { timestamp: 9 }, args: { bus: { timestamp: 1 } } });
});

test('null deletes a key with its metadata; a section without keys is gone', () => {
  const { shadow, accepted } = build({ desired: { command: 'x', args: { a: 1 } } }, { desired: { command: null, args: null } });
  expect(shadow.desired).toBeNull();
  expect(documentOf(shadow)).toEqual({ state: {}, metadata: {}, version: 2 });
  expect(accepted.state).toEqual({ desired: { command: null, args: null } });
  expect(accepted.metadata).toEqual({ desired: { command: { timestamp: 2 }, args: { timestamp: 2 } } });
});

test('null for a section removes it, null inside an object removes the inner key', () => {
  const removed = build({ desired: { a: 1 }, reported: { b: { c: 1, d: 2 } } }, { desired: null, reported: { b: { c: null } } });
  expect(removed.shadow.desired).toBeNull();
  expect(removed.shadow.reported).toEqual({ state: { b: { d: 2 } }, metadata: { b: { d: { timestamp: 1 } } } });
});

test('state null clears the document and is answered as AWS does', () => {
  const { shadow, accepted, delta } = build({ desired: { a: 1 }, reported: { b: 1 } }, null);
  expect(documentOf(shadow)).toEqual({ state: {}, metadata: {}, version: 2 });
  expect(accepted).toEqual({ state: null, metadata: { timestamp: 2 }, version: 2, timestamp: 2 });
  expect(delta).toBeNull();
});

test('an empty object is a value of its own', () => {
  const { shadow, delta } = build({ desired: { command: 'get_nodes', args: {} } });
  expect(shadow.desired?.state).toEqual({ command: 'get_nodes', args: {} });
  expect(delta?.state).toEqual({ command: 'get_nodes', args: {} });
  expect(delta?.metadata).toEqual({ command: { timestamp: 1 }, args: {} });
});

test('an update without any field still counts as one', () => {
  expect(build({ reported: { a: 1 } }, {}).shadow.version).toBe(2);
  expect(build({ desired: {} }).shadow).toMatchObject({ desired: null, exists: true, version: 1 });
});

test('delta holds nested differences with the metadata of those leaves only', () => {
  const { delta } = build({ desired: { a: 1, o: { x: 1, y: 2 }, list: [1] } }, { reported: { a: 1, o: { x: 1 }, list: [1, 2] } });
  expect(delta).toEqual({
    state: { o: { y: 2 }, list: [1] },
    metadata: { o: { y: { timestamp: 1 } }, list: [{ timestamp: 1 }] },
    version: 2,
    timestamp: 2,
  });
});

test('delta comes again with every update while it stands, and is null once both agree', () => {
  const waiting = build({ desired: { command: 'x' } }, { reported: { uptimeSeconds: 1 } });
  expect(waiting.delta).toEqual({ state: { command: 'x' }, metadata: { command: { timestamp: 1 } }, version: 2, timestamp: 2 });
  expect(accept(waiting.shadow, { reported: { uptimeSeconds: 2 } }, 3).delta?.state).toEqual({ command: 'x' });
  expect(accept(waiting.shadow, { reported: { command: 'x' } }, 3).delta).toBeNull();
  expect(accept(waiting.shadow, { desired: { command: null } }, 3).delta).toBeNull();
});

test('what is reported but not desired is no delta', () => {
  expect(build({ reported: { a: 1 } }, { desired: { b: 1 } }).delta?.state).toEqual({ b: 1 });
});

test('a stale or future version is refused, the right one accepted', () => {
  const { shadow } = build({ reported: { a: 1 } }, { reported: { a: 2 } });
  for (const version of [0, 1, 3]) {
    expect(applyUpdate(shadow, { state: { reported: { a: 3 } }, version }, 3, MAX_BYTES)).toEqual({
      code: 409,
      message: 'Version conflict',
    });
  }
  expect(accept(shadow, { reported: { a: 3 } }, 3, 2).shadow.version).toBe(3);
  expect(applyUpdate(NO_SHADOW, { state: {}, version: 4 }, 1, MAX_BYTES)).toMatchObject({ code: 409 });
});

test('the limit counts the whole state but no metadata', () => {
  const frame = JSON.stringify({ reported: { a: '' } }).length;
  const full = accept(NO_SHADOW, { reported: { a: 'x'.repeat(MAX_BYTES - frame) } }, 1);
  expect(applyUpdate(full.shadow, { state: { desired: { b: 1 } } }, 2, MAX_BYTES)).toMatchObject({ code: 413 });
  expect(applyUpdate(NO_SHADOW, { state: { reported: { a: 'x'.repeat(MAX_BYTES - frame + 1) } } }, 1, MAX_BYTES)).toMatchObject({
    code: 413,
  });
  expect(accept(full.shadow, { reported: { a: 'ü' } }, 2).shadow.version).toBe(2);
});

test('a refused update changes nothing', () => {
  const { shadow } = build({ reported: { a: 1 } });
  const before = structuredClone(shadow);
  applyUpdate(shadow, { state: { reported: { a: 2 } }, version: 7 }, 2, MAX_BYTES);
  applyUpdate(shadow, { state: { reported: { a: 'x'.repeat(MAX_BYTES) } } }, 2, MAX_BYTES);
  accept(shadow, { reported: { a: 3, o: { b: 1 } } }, 2);
  expect(shadow).toEqual(before);
});

test('depth counts nested objects', () => {
  expect([depth(1), depth({}), depth({ a: 1 }), depth({ a: { b: { c: 1 } } }), depth({ a: [{ b: 1 }] })]).toEqual([0, 1, 1, 3, 3]);
});

const key = fc.constantFrom('a', 'b', 'c');
const value: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<Json>(1, 2, 'x', true),
    fc.array(fc.constantFrom<Json>(1, 2), { maxLength: 2 }),
    fc.dictionary(key, tie('value'), { maxKeys: 3 }) as fc.Arbitrary<Json>,
  ),
})).value;
const state = fc.dictionary(key, value, { maxKeys: 3 }) as fc.Arbitrary<JsonObject>;

test('reporting the delta makes it vanish', () => {
  fc.assert(
    fc.property(state, state, (desired, reported) => {
      const wanted = mergeSection(null, desired, 1);
      const delta = difference(wanted, reported);
      if (!delta) return;
      const after = mergeSection({ state: reported, metadata: mergeSection(null, reported, 1).metadata }, delta.state, 2);
      expect(difference(wanted, after.state)).toBeNull();
    }),
  );
});

test('merging a state into nothing keeps it, merging it twice is the same as once', () => {
  fc.assert(
    fc.property(state, (patch) => {
      const once = mergeSection(null, patch, 1);
      expect(equal(once.state, patch)).toBe(true);
      expect(mergeSection(once, patch, 1)).toEqual(once);
    }),
  );
});
