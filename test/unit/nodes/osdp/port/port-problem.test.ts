import { expect, test } from 'vitest';
import { portProblem } from '../../../../../agent/nodes/osdp/port/port-problem.ts';

test.each([
  ['ENOENT', 'missing'],
  ['ENOTDIR', 'missing'],
  ['EACCES', 'permission'],
  ['EPERM', 'unit'],
  ['EBUSY', 'locked'],
  ['EIO', 'failed'],
  [undefined, 'failed'],
])('the kernel says %s: %s, whatever the words of the library are', (code, reason) => {
  for (const detail of ['Error: Input/output error, cannot open /dev/ttymxc2', 'Cannot lock port, busy, not permitted']) {
    const problem = portProblem('/dev/ttymxc2', code, detail);
    expect(problem.reason).toBe(reason);
    expect(problem.message).toContain('/dev/ttymxc2');
  }
});
