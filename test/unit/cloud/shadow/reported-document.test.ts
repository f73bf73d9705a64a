import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_SHOWN } from '../../../../agent/cloud/alarms/alarm-machine.ts';
import {
  depthOf,
  fitted,
  isVolatileOnly,
  MAX_REPORTED_BYTES,
  MAX_REPORTED_DEPTH,
} from '../../../../agent/cloud/shadow/reported-document.ts';
import type { LastCommand, Reported } from '../../../../agent/contract/shadow.ts';

const BASE: Reported = {
  online: true,
  session: '00000000-0000-4000-8000-000000000000',
  lastSeen: 1_795_300_000_000,
  version: '1.2.3',
  uptimeSeconds: 86_400,
  hubId: '00000000-0000-4000-8000-000000000001',
  serial: 'SN-1',
  model: 'HUB-1',
  vendorName: 'Example Locks',
};
const ANSWER: LastCommand = {
  id: 'shadow-1795300000-0123abcd',
  command: 'get_nodes',
  status: 'SUCCEEDED',
  receivedAt: 1,
  finishedAt: 2,
  resultTopic: 'hubs/hub-1/commands/shadow-1795300000-0123abcd/result',
};

const node = (address: number) => ({
  nodeId: `rs485/${address}`,
  bus: 'rs485',
  protocol: 'osdp',
  address: String(address),
  available: true,
  capabilities: ['card_data', 'led'],
  serialNumber: '0011223344',
});
const nodes = (count: number) => ({ nodes: Array.from({ length: count }, (_, address) => node(address)), total: count });
const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

describe('fitted', () => {
  test('a small result stays, a large one is left to its topic', () => {
    const small = fitted({ ...BASE, lastCommand: { ...ANSWER, result: nodes(3) } });
    expect(small.lastCommand?.result).toEqual(nodes(3));
    const large = fitted({ ...BASE, lastCommand: { ...ANSWER, result: nodes(500) } });
    expect(large.lastCommand).toEqual(ANSWER);
  });

  test('a result that is too deep is left to its topic', () => {
    const deep = { a: { b: { c: { d: { e: 1 } } } } };
    expect(fitted({ ...BASE, lastCommand: { ...ANSWER, result: deep } }).lastCommand).toEqual(ANSWER);
    const flat = fitted({ ...BASE, lastCommand: { ...ANSWER, result: { a: { b: { c: 1 } } } } });
    expect(flat.lastCommand?.result).toBeDefined();
    expect(depthOf(flat) - 1).toBeLessThanOrEqual(MAX_REPORTED_DEPTH);
  });

  test('details that are too long go, the code stays', () => {
    const details = Array.from({ length: 500 }, (_, index) => ({ field: `field${index}`, message: 'x'.repeat(50) }));
    const { lastCommand } = fitted({
      ...BASE,
      lastCommand: { ...ANSWER, status: 'REJECTED', error: { code: 'invalid_args', message: 'y'.repeat(9_000), details } },
    });
    expect(lastCommand?.error).toEqual({ code: 'invalid_args', message: 'y'.repeat(512) });
  });

  test('any number of nodes, the longest claim and name: within bytes and depth, and the answer keeps its name and status', () => {
    // From one to six bytes a character in JSON.
    const text = (maxLength: number) =>
      fc
        .tuple(fc.constantFrom('a', 'ü', '"', '😀', '\u0001'), fc.nat(maxLength))
        .map(([unit, length]) => unit.repeat(length).slice(0, maxLength));
    fc.assert(
      fc.property(
        fc.nat(400),
        fc.record({ orgId: text(128), siteId: text(128), claimedBy: text(128), claimedAt: fc.nat() }),
        fc.option(fc.record({ message: text(700), count: fc.nat(60) }), { nil: null }),
        (count, claim, error) => {
          const document = fitted({
            ...BASE,
            claim,
            wifi: { ssid: '\u0001'.repeat(32), signalDbm: -54 },
            nodes: { total: count, available: count, scanComplete: true },
            alarms: Array.from({ length: MAX_SHOWN }, () => ({
              kind: 'certificate_expires',
              node: 'b'.repeat(64),
              since: 1e13,
              until: 1e13,
            })),
            alarmsOmitted: count,
            takenOverAt: 1e13,
            lastCommand: {
              ...ANSWER,
              result: nodes(count),
              ...(error && {
                error: {
                  code: 'invalid_args',
                  message: error.message,
                  details: Array.from({ length: error.count }, () => ({ field: 'ssid', message: error.message.slice(0, 40) })),
                },
              }),
            },
          });
          expect(bytes(document)).toBeLessThanOrEqual(MAX_REPORTED_BYTES);
          expect(depthOf(document) - 1).toBeLessThanOrEqual(MAX_REPORTED_DEPTH);
          expect(document.lastCommand).toMatchObject({ id: ANSWER.id, status: ANSWER.status, resultTopic: ANSWER.resultTopic });
        },
      ),
      { numRuns: 200 },
    );
  });
});

test('time and signal alone are no news', () => {
  expect(isVolatileOnly({})).toBe(true);
  expect(isVolatileOnly({ lastSeen: 1, uptimeSeconds: 2 })).toBe(true);
  expect(isVolatileOnly({ lastSeen: 1, wifi: { signalDbm: -60 } })).toBe(true);
  expect(isVolatileOnly({ wifi: { ssid: 'new', signalDbm: -60 } })).toBe(false);
  expect(isVolatileOnly({ wifi: null })).toBe(false);
  expect(isVolatileOnly({ nodes: { total: 3 } })).toBe(false);
});

test('depth counts objects and lists', () => {
  expect([1, {}, { a: 1 }, { a: [] }, { a: [{ b: null }] }].map(depthOf)).toEqual([0, 1, 1, 2, 3]);
});
