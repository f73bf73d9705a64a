import { expect, test } from 'vitest';
import { CRC_FIRST, forgotten, givenUp, preferred, provenBy } from '../../../../../agent/nodes/osdp/session/check-choice.ts';
import { onBabble, onGarbled, onQuiet } from '../../../../../agent/nodes/osdp/session/garbled.ts';
import { openingOf } from '../../../../../agent/nodes/osdp/session/opening.ts';
import { newPd, type PdKey, type PdState } from '../../../../../agent/nodes/osdp/session/pd.ts';

const KEY: PdKey = { kind: 'own', bytes: () => Buffer.alloc(16) };
const DEFAULT: PdKey = { kind: 'default', bytes: () => Buffer.alloc(16) };

function others(pd: PdState, key: PdKey | null) {
  return Array.from({ length: 5 }, (_, otherOpenings) => {
    const { check, first } = openingOf({ ...pd, otherOpenings }, 'other', key);
    return `${check} ${first}`;
  });
}

test('a silent address is asked with both checks, for its identity and by polls; the likeliest way first', () => {
  expect(openingOf(newPd(5, false), 'usual', null)).toEqual({ check: 'crc', first: 'usual' });
  expect(others(newPd(5, false), null).slice(0, 3)).toEqual(['checksum usual', 'crc poll', 'checksum poll']);
});

test('with a key, by a challenge too, and where a challenge is usual, in clear', () => {
  expect(others(newPd(5, false), DEFAULT)).toContain('crc challenge');
  expect(others(newPd(5, true), KEY)[0]).toBe('crc identify');
});

test('one that was understood by a checksum is asked so first, and with a CRC among the other ways', () => {
  const pd = { ...newPd(5, false), check: provenBy(CRC_FIRST, 'checksum') };
  expect(openingOf(pd, 'usual', null).check).toBe('checksum');
  expect(others(pd, null)[0]).toBe('crc usual');
});

test('CRC is tried where it is claimed, and not again once that failed', () => {
  const checksum = provenBy(CRC_FIRST, 'checksum');
  expect(preferred(checksum, false)).toBe(checksum);
  const trial = preferred(checksum, true);
  expect(trial).toEqual({ kind: 'crc', proven: false, trial: 'running' });
  const failed = givenUp(trial);
  expect(failed).toEqual({ kind: 'checksum', proven: true, trial: 'failed' });
  expect(preferred(provenBy(failed, 'checksum'), true).kind).toBe('checksum');
  expect(preferred(provenBy(forgotten(failed), 'checksum'), true).kind).toBe('crc');
  expect(provenBy(trial, 'crc')).toEqual({ kind: 'crc', proven: true, trial: 'none' });
});

test('noise as an answer, five times in a row, is told once; silence three times ends it', () => {
  let pd = newPd(5, false);
  const notes = Array.from({ length: 8 }, () => {
    const step = onGarbled(pd);
    pd = step.pd;
    return step.notes.map(({ event }) => event);
  });
  expect(notes).toEqual([[], [], [], [], ['osdp_garbled_address'], [], [], []]);
  expect(pd.facts.problem).toBe('garbled');
  const quiet = [1, 2, 3].map(() => {
    pd = onQuiet(pd);
    return pd.facts.problem;
  });
  expect(quiet).toEqual(['garbled', 'garbled', null]);
});

test('noise without a question begins the count anew', () => {
  let pd = newPd(5, false);
  for (let round = 0; round < 20; round++) pd = round % 5 === 4 ? onBabble(pd) : onGarbled(pd).pd;
  expect(pd.facts.problem).toBe(null);
});
