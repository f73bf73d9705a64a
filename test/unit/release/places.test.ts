import { expect, test } from 'vitest';
import { rootOf } from '../../../agent/release/places.ts';
import { trialSeconds } from '../../../agent/release/trial-seconds.ts';

test.each([
  ['/usr/lib/hub-agent/hub-agent.cjs', ''],
  ['/var/lib/hub-agent-releases/20/hubctl.cjs', ''],
  ['/tmp/hub/usr/lib/hub-agent/hub-agent.cjs', '/tmp/hub'],
  ['/tmp/hub/var/lib/hub-agent-releases/20/hub-agent.cjs', '/tmp/hub'],
  ['/home/me/hub-agent/agent/main.ts', ''],
  ['/var/lib/hub-agent-releases/20/native/hub-agent.cjs', ''],
  ['', ''],
])('A release of the program %s was installed below "%s"', (program, root) => {
  expect(rootOf(program)).toBe(root);
});

test.each([
  [null, 600],
  ['', 600],
  ['60\n', 60],
  ['0', 600],
  ['-5', 600],
  ['1e3', 600],
  ['86401', 600],
  ['minutes', 600],
])('A trial with %j in its file may take %i s', (text, seconds) => {
  expect(trialSeconds(text)).toBe(seconds);
});
