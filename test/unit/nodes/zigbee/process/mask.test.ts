import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createLineSplitter } from '../../../../../agent/nodes/zigbee/process/lines.ts';
import { maskKeys } from '../../../../../agent/nodes/zigbee/process/mask.ts';

/** Ways in which the library, Node and people write 16 bytes. */
const SPELLINGS: readonly ((key: Buffer) => string)[] = [
  (key) => key.toString('hex'),
  (key) => key.toString('hex').toUpperCase(),
  (key) => Buffer.from(key).reverse().toString('hex'),
  (key) => `0x${key.toString('hex')}`,
  (key) => [...key].map((byte) => byte.toString(16).padStart(2, '0')).join(':'),
  (key) => [...key].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(', '),
  (key) => [...key].join(','),
  (key) => JSON.stringify([...key]),
  (key) => JSON.stringify([...key], null, 2),
  (key) => JSON.stringify(key),
  (key) => JSON.stringify({ ...[...key] }),
  (key) => JSON.stringify({ ...[...key] }, null, 1),
  (key) => `[ ${[...key].join(' ')} ]`,
  (key) => key.toString('base64'),
  (key) => `00${key.toString('hex')}ffff`,
];

test('no spelling of a key passes, whatever stands around it', () => {
  for (let round = 0; round < 50; round++) {
    const key = randomBytes(16);
    for (const spell of SPELLINGS) {
      const text = `Configuration is not consistent! - Network Key: configured=${spell(key)}, adapter: 3 devices`;
      const masked = maskKeys(text);
      expect(masked).not.toContain(spell(key));
      expect(masked).toContain('Configuration is not consistent!');
      expect(masked).toContain('3 devices');
    }
  }
});

test('what people need to read stays', () => {
  const text = "zh:controller: Interview for '0x00158d0001020304' started on channel 15, PAN 0x1a62, SRSP after 6000ms";
  expect(maskKeys(text)).toBe(text);
});

test('lines come whole however they are cut, and one without an end costs no memory and no other line', () => {
  const lines: string[] = [];
  const take = createLineSplitter(10, (line) => lines.push(line));
  for (const chunk of ['ab', 'c\nde', '\n\n', 'x'.repeat(30), 'y'.repeat(30), '\nfg\n', `${'z'.repeat(11)}\nhi\n`]) take(chunk);
  expect(lines).toEqual(['abc', 'de', 'fg', 'hi']);
});
