import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isNamed, ssidText } from '../../../../agent/wifi/survey/ssid.ts';

test.each(['home', 'büro: 🔑', '👨‍👩‍👧', ' padded ', 'back\\slash', 'شبكة', '�', '\u00a0'])('%j is itself', (name) => {
  expect(ssidText(Buffer.from(name))).toBe(name);
});

test.each<[string, Buffer, string]>([
  ['a line feed', Buffer.from('x\nyes'), 'x\\x0ayes'],
  ['NUL', Buffer.from('a\0b'), 'a\\x00b'],
  ['an escape sequence', Buffer.from('\x1b[2J'), '\\x1b[2J'],
  ['C1', Buffer.from('a\u009bb'), 'a\\xc2\\x9bb'],
  ['right-to-left override', Buffer.from('a\u202eb'), 'a\\xe2\\x80\\xaeb'],
  ['a byte order mark', Buffer.from('\ufeffa'), '\\xef\\xbb\\xbfa'],
  ['no UTF-8', Buffer.from([0xff, 0xfe, 0x41]), '\\xff\\xfeA'],
  ['a sequence that ends early', Buffer.from([0x41, 0xe2, 0x82]), 'A\\xe2\\x82'],
  ['an overlong slash', Buffer.from([0xc0, 0xaf]), '\\xc0\\xaf'],
  ['a surrogate', Buffer.from([0xed, 0xa0, 0x80]), '\\xed\\xa0\\x80'],
  ['empty', Buffer.alloc(0), ''],
])('%s', (_, bytes, text) => {
  expect(ssidText(bytes)).toBe(text);
});

test('any bytes: bounded, without controls, fit for D-Bus and JSON', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = ssidText(bytes);
      expect(text.isWellFormed()).toBe(true);
      expect(text).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u);
      expect(text.length).toBeLessThanOrEqual(32 * 4);
    }),
    { numRuns: 5000 },
  );
});

test('a hidden access point has no name, or zeros', () => {
  expect([Buffer.alloc(0), Buffer.alloc(7), Buffer.from('a\0')].map(isNamed)).toEqual([false, false, true]);
});
