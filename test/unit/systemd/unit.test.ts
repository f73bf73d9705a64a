import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

const UNIT = resolve(import.meta.dirname, '../../../systemd/hub-agent.service');
const MAX_EXPOSURE = 2;

test('systemd finds the exposure of the unit under 2.0', ({ skip }) => {
  const { stdout, error } = spawnSync('systemd-analyze', ['security', '--offline=yes', '--no-pager', UNIT], { encoding: 'utf8' });
  skip(error !== undefined, 'systemd-analyze is not here');
  const exposure = Number(/Overall exposure level for [^:]*: ([\d.]+)/.exec(stdout)?.[1]);
  expect(exposure).toBeLessThan(MAX_EXPOSURE);
});

test('The unit never gives up, is watched, and has limits', () => {
  const lines = readFileSync(UNIT, 'utf8').split('\n');
  for (const line of ['Type=notify', 'Restart=always', 'StartLimitIntervalSec=0', 'User=hub-agent', 'LimitCORE=0'])
    expect(lines).toContain(line);
  for (const key of ['WatchdogSec', 'MemoryMax', 'TasksMax', 'DeviceAllow', 'LoadCredential']) {
    expect(lines.some((line) => line.startsWith(`${key}=`))).toBe(true);
  }
});
