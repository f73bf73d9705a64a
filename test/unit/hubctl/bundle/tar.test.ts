import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { tar } from '../../../../agent/hubctl/bundle/tar.ts';

test('the system reads the archive', () => {
  const archive = tar(
    [
      { name: 'bundle/empty', data: Buffer.alloc(0) },
      { name: 'bundle/block', data: Buffer.alloc(512, 'a') },
      { name: 'bundle/text', data: Buffer.from('häl\n') },
    ],
    Date.UTC(2026, 0, 1),
  );
  expect(archive.length % 512).toBe(0);
  const listed = execFileSync('tar', ['--list', '--file=-'], { input: archive, encoding: 'utf8' });
  expect(listed.trim().split('\n')).toEqual(['bundle/empty', 'bundle/block', 'bundle/text']);
  expect(execFileSync('tar', ['--extract', '--to-stdout', '--file=-', 'bundle/text'], { input: archive, encoding: 'utf8' })).toBe('häl\n');
});

test('a name that is too long is refused', () => {
  expect(() => tar([{ name: 'x'.repeat(101), data: Buffer.alloc(0) }], 0)).toThrow(RangeError);
});
