import { expect, test } from 'vitest';
import { portProblem } from '../../../../../agent/nodes/osdp/port/port-problem.ts';

test.each([
  ['ENOENT', 'Error: No such file or directory, cannot open /dev/ttymxc2', 'missing'],
  ['EACCES', 'Error: Permission denied, cannot open /dev/ttymxc2', 'permission'],
  ['EPERM', 'Error: Operation not permitted, cannot open /dev/ttymxc2', 'unit'],
  [undefined, 'Error: Operation not permitted, cannot open /dev/ttymxc2', 'unit'],
  [undefined, 'Error: Device or resource busy, cannot open /dev/ttymxc2', 'locked'],
  [undefined, 'Error Resource temporarily unavailable Cannot lock port', 'locked'],
  [undefined, 'Error: Input/output error, cannot open /dev/ttymxc2', 'failed'],
])('access says %s, the library %s: %s', (code, detail, reason) => {
  const problem = portProblem('/dev/ttymxc2', code, detail);
  expect(problem.reason).toBe(reason);
  expect(problem.message).toContain('/dev/ttymxc2');
});
