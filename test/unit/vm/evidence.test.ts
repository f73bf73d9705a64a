import { expect, test } from 'vitest';
import { argumentsOf } from '../../vm/evidence.ts';

const HEAD = 'MainThread-824 [001] ..... 146.39: exec: (__x64_sys_execve+0x0/0x40)';

test('what follows the end of an argument list is memory of the caller, and no argument', () => {
  const line = `${HEAD} p0=0x55d0 a0="systemd-notify" p1=0x55e0 a1="WATCHDOG=1" p2=0x0 a2=(fault) p3=0x7f01 a3="{"credentials":"pw 1"}"`;
  expect(argumentsOf(line)).toBe(`${HEAD} p0=0x55d0 a0="systemd-notify" p1=0x55e0 a1="WATCHDOG=1"`);
});

test('an argument that could not be read does not end the list', () => {
  const line = `${HEAD} p0=0x1 a0="curl" p1=0x2 a1=(fault) p2=0x3 a2="secret" p3=0x0 a3=(fault)`;
  expect(argumentsOf(line)).toContain('secret');
});
