import { expect, test } from 'vitest';
import type { ShadowConfirmation } from '../../../../agent/contract/cloud.ts';
import { problemsOf } from '../../../../agent/hubctl/cli/problems.ts';
import { statusScreen } from '../../../../agent/hubctl/commands/status.ts';
import type { DoctorContext } from '../../../../agent/hubctl/doctor/check.ts';
import { topicsCheck } from '../../../../agent/hubctl/doctor/cloud-checks.ts';
import { HEALTHY, NOW_MS } from '../fixtures.ts';

const statusOf = (shadow: Partial<ShadowConfirmation>, phase: 'connected' | 'waiting' = 'connected') => ({
  ...HEALTHY,
  cloud: { ...HEALTHY.cloud, phase, shadow: { confirmedAt: null, unconfirmedMs: null, lastFailure: null, ...shadow } },
});
const examine = (status: ReturnType<typeof statusOf>) =>
  topicsCheck.run({ agent: async () => ({ status, problem: null }) } as unknown as DoctorContext);

test.each<[string, Partial<ShadowConfirmation>, RegExp]>([
  ['no answer ever', { unconfirmedMs: 10_000 }, /does not answer.*10 s.*policy.*iot:Receive/],
  [
    'lost answers after days',
    { confirmedAt: NOW_MS - 60_000, unconfirmedMs: 60_000, lastFailure: 'cloud_timeout' },
    /does not answer.*iot:Receive/,
  ],
  ['refusals', { unconfirmedMs: 11_000, lastFailure: 'cloud_refused' }, /refuses.*policy/],
  ['a full shadow', { unconfirmedMs: 11_000, lastFailure: 'shadow_too_large' }, /full \(8 KB\).*get-thing-shadow/],
])('a cloud that is blind is a finding of status and doctor: %s', async (_what, shadow, expected) => {
  const status = statusOf(shadow);
  const problems = problemsOf(status);
  expect(problems).toHaveLength(1);
  expect(problems[0]!.text).toMatch(expected);
  expect(statusScreen(status, 200, (_colour, text) => text).join('\n')).not.toContain('Nothing wrong');
  const found = [await examine(status)].flat();
  expect(found).toMatchObject([{ status: 'fail' }]);
  expect(`${found[0]!.finding}: ${found[0]!.remedy}`).toMatch(expected);
});

test('a confirmation of before, an answer that may still come, or no session at all is none', async () => {
  for (const status of [statusOf({ confirmedAt: NOW_MS - 600_000 }), statusOf({ unconfirmedMs: 9_999 })]) {
    expect(problemsOf(status)).toEqual([]);
    expect([await examine(status)].flat()).toMatchObject([{ status: 'ok' }]);
  }
  expect(problemsOf(statusOf({ unconfirmedMs: 60_000 }, 'waiting'))).toHaveLength(1);
});

test('the screen says when the shadow was last confirmed', () => {
  const lines = statusScreen(statusOf({ confirmedAt: NOW_MS - 61_000 }), 100, (_colour, text) => text);
  expect(lines.find((line) => line.startsWith('Shadow'))).toMatch(/confirmed 1 m ago/);
});
