import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyPatch, mergePatch, sameJson, withoutNulls } from '../../../../agent/cloud/shadow/merge-patch.ts';
import { AWS_LIMITS } from '../../../twins/iot-core/limits.ts';
import { createShadowService } from '../../../twins/iot-core/shadow-service.ts';

type Document = Record<string, unknown>;

/** Few keys, so that two documents share some, and those that objects inherit; arrays and nulls at every depth. Integers: JSON makes 0 of -0. */
const key = fc.constantFrom('a', 'b', 'c', 'd', 'constructor', 'toString', '__proto__');
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 3 },
    fc.constant(null),
    fc.boolean(),
    fc.integer({ min: -3, max: 3 }).map((n) => n + 0),
    fc.constantFrom('', 'x', 'ü'),
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(key, tie('value'), { maxKeys: 3 }),
  ),
}));
const patchLike = fc.dictionary(key, value, { maxKeys: 4 }).map((document) => JSON.parse(JSON.stringify(document)) as Document);
/** What a service can hold: no nulls, and no objects that an update cannot make. */
const stored = patchLike.map((document) => withoutNulls(document) as Document);

function service(reported: Document) {
  const shadows = createShadowService({
    limits: { ...AWS_LIMITS, maxShadowDepth: 20, maxShadowBytes: 1_000_000 },
    nowMs: () => 0,
    publish: () => {},
    nextUpdateFailure: () => null,
    losesNextResponse: () => false,
  });
  const update = (state: Document) => shadows.update('t', null, Buffer.from(JSON.stringify({ state: { reported: state } })));
  expect(update(reported)).toMatchObject({ ok: true });
  return { update, reported: () => (shadows.get('t', null)?.state.reported ?? {}) as Document };
}

describe('mergePatch', () => {
  test('says only what differs, and takes out what is gone', () => {
    expect(mergePatch({ a: 1, b: { c: 1, d: 2 }, e: [1] }, { a: 1, b: { c: 3 }, e: [1, 2] })).toEqual({ b: { c: 3, d: null }, e: [1, 2] });
    expect(mergePatch({ a: 1 }, { a: 1 })).toBeNull();
    expect(mergePatch({}, { a: null, b: undefined })).toBeNull();
    expect(mergePatch({ a: { b: 1 } }, { a: 5 })).toEqual({ a: 5 });
  });

  test('makes of one document the other, nulls left out', () => {
    fc.assert(
      fc.property(stored, patchLike, (from, to) => {
        const patch = mergePatch(from, to);
        expect(sameJson(applyPatch(from, patch ?? {}), withoutNulls(to))).toBe(true);
        expect(mergePatch(withoutNulls(to) as Document, to)).toBeNull();
      }),
      { numRuns: 3_000 },
    );
  });

  test('the Shadow service makes the same of it', () => {
    fc.assert(
      fc.property(stored, patchLike, (from, to) => {
        const shadow = service(from);
        const patch = mergePatch(shadow.reported(), to);
        if (patch) expect(shadow.update(patch)).toMatchObject({ ok: true });
        expect(sameJson(shadow.reported(), withoutNulls(to))).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test('applyPatch follows the Shadow service through any update', () => {
    fc.assert(
      fc.property(stored, patchLike, (from, patch) => {
        const shadow = service(from);
        const before = shadow.reported();
        expect(shadow.update(patch)).toMatchObject({ ok: true });
        expect(sameJson(applyPatch(before, patch), shadow.reported())).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

test('sameJson does not mind the order of keys, nor undefined, but types and lengths', () => {
  expect(sameJson({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 })).toBe(true);
  expect(sameJson({ a: undefined }, {})).toBe(true);
  expect(sameJson({ a: 1 }, { b: 1 })).toBe(false);
  expect(sameJson([1, 2], [1])).toBe(false);
  expect(sameJson([], {})).toBe(false);
  expect(sameJson(null, {})).toBe(false);
  expect(sameJson('1', 1)).toBe(false);
});
