import { expect, test } from 'vitest';
import type { ReleaseReport } from '../../../agent/contract/release.ts';
import { reasonText, updateFindings } from '../../../agent/health/update.ts';

const codes = (release?: ReleaseReport) => updateFindings(release ? { release } : {}).map(({ code }) => code);
const RUNS: ReleaseReport = { sequence: 20, factory: false, trial: false };
const failed = (what: 'rolled_back' | 'refused', reason: string): ReleaseReport => ({ ...RUNS, failed: { sequence: 30, what, reason } });

test('A release on trial, one that was left, and one that was refused are told; a trial comes before what was', () => {
  expect(codes(undefined)).toEqual([]);
  expect(codes(RUNS)).toEqual([]);
  expect(codes({ ...failed('rolled_back', 'no_cloud'), trial: true })).toEqual(['release_on_trial']);
  expect(codes(failed('rolled_back', 'no_cloud'))).toEqual(['release_rolled_back']);
  expect(codes(failed('refused', 'wrong_arch'))).toEqual(['release_refused']);
  expect(codes(failed('refused', 'bad_signature'))).toEqual(['release_unsigned']);
  expect(codes(failed('refused', 'disk_full'))).toEqual(['release_no_space']);
});

test('A reason that only a newer updater knows is shown as it is', () => {
  expect([reasonText('meteor'), reasonText('constructor')]).toEqual(['meteor', 'constructor']);
});
