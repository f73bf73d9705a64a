import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { packTar, readTar, type TarEntry } from '../../../agent/system/tar.ts';

const file = (path: string, data: Buffer): TarEntry => ({ path, kind: 'file', mode: 0o600, data });

test('the system reads the archive', () => {
  const entries = [
    file('bundle/empty', Buffer.alloc(0)),
    file('bundle/block', Buffer.alloc(512, 'a')),
    file('bundle/text', Buffer.from('häl\n')),
  ];
  const archive = packTar(entries, Date.UTC(2026, 0, 1) / 1000);
  expect(archive.length % 512).toBe(0);
  expect(readTar(archive)).toEqual(entries);
  const listed = execFileSync('tar', ['--list', '--file=-'], { input: archive, encoding: 'utf8' });
  expect(listed.trim().split('\n')).toEqual(['bundle/empty', 'bundle/block', 'bundle/text']);
  expect(execFileSync('tar', ['--extract', '--to-stdout', '--file=-', 'bundle/text'], { input: archive, encoding: 'utf8' })).toBe('häl\n');
});

test('a name that is too long is refused', () => {
  expect(() => packTar([file('x'.repeat(101), Buffer.alloc(0))], 0)).toThrow(RangeError);
});
