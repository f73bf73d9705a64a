import fc from 'fast-check';
import type { NodeWifiNetwork } from 'node-wifi';
// @ts-expect-error The package has no types of its parts.
import parse from 'node-wifi/src/linux/scan/parser.js';
import { expect, test } from 'vitest';
import { wholeRows } from '../../../../agent/wifi/survey/node-wifi-thread.ts';
import { dbmOfRow, keyManagementOfRow } from '../../../../agent/wifi/survey/seen-networks.ts';

const SEED = 20_261_128;
const RUNS = 1_000;
const MAX_ROWS = 512;

const LINE = String.raw`no:office:AA\:BB\:CC\:DD\:EE\:01:Infra:6:2437 MHz:60:WPA2:(none):pair_ccmp group_ccmp psk`;

/** Bytes; words and separators of nmcli in any order; a right line with bytes replaced; more lines than a street has access points. */
const bytes = fc.uint8Array({ maxLength: 400, size: 'max' }).map((each) => Buffer.from(each));
const words = fc
  .array(fc.constantFrom(':', '\\:', '\n', '\r', '\0', '\\', 'Infra', 'AA\\:BB\\:CC\\:DD\\:EE\\:01', '(none)', '60', '1e999', '$&', 'no'), {
    maxLength: 60,
    size: 'max',
  })
  .map((each) => Buffer.from(each.join('')));
const damaged = fc.array(fc.tuple(fc.nat(LINE.length - 1), fc.nat(255)), { maxLength: 6 }).map((places) => {
  const line = Buffer.from(`${LINE}\n`);
  for (const [at, byte] of places) line[at] = byte;
  return line;
});
const many = fc.integer({ min: 500, max: 1_500 }).map((times) => Buffer.from(`${LINE}\n`.repeat(times)));
const output = fc.oneof(
  { weight: 20, arbitrary: fc.array(fc.oneof(bytes, words, damaged), { maxLength: 8 }).map((parts) => Buffer.concat(parts)) },
  { weight: 1, arbitrary: many },
);

test(`Whatever nmcli prints, node-wifi's parser fails in its thread or gives rows that can be read (seed ${SEED}, ${RUNS} runs)`, () => {
  let found = 0;
  fc.assert(
    fc.property(output, (printed) => {
      let parsed: unknown;
      try {
        // `execFile` decodes so, and the thread's message is cloned.
        parsed = structuredClone(parse(printed.toString('utf8')));
      } catch {
        return;
      }
      const rows: NodeWifiNetwork[] = wholeRows(parsed);
      expect(rows.length).toBeLessThanOrEqual(MAX_ROWS);
      for (const row of rows) {
        const dbm = dbmOfRow(row);
        expect(dbm === null || Number.isInteger(dbm)).toBe(true);
        expect(keyManagementOfRow(row).size).toBeGreaterThan(0);
      }
      found += rows.length;
    }),
    { seed: SEED, numRuns: RUNS },
  );
  expect(found).toBeGreaterThan(RUNS);
}, 60_000);

test(`Whatever leaves the thread, only whole rows are taken (seed ${SEED}, ${RUNS} runs)`, () => {
  const right = { ssid: 'office', bssid: 'AA:BB:CC:DD:EE:01', mode: 'Infra', signal_level: -70, security: 'WPA2' };
  const flags = { wpa: '(none)', rsn: 'psk' };
  const changed = fc
    .dictionary(fc.constantFrom(...Object.keys(right), 'security_flags'), fc.anything(), { maxKeys: 2 })
    .map((changes) => ({ ...right, security_flags: flags, ...changes }));
  let found = 0;
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.array(fc.oneof(fc.anything(), changed))), (message) => {
      const rows = wholeRows(message);
      for (const row of rows) {
        dbmOfRow(row);
        expect(keyManagementOfRow(row).size).toBeGreaterThan(0);
      }
      found += rows.length;
    }),
    { seed: SEED, numRuns: RUNS },
  );
  expect(found).toBeGreaterThan(RUNS / 10);
}, 60_000);
