import { describe, expect, test } from 'vitest';
import { createLineSplitter } from '../../../../../agent/nodes/zigbee/process/lines.ts';
import { hasAnswer, readAnswer, readEvent } from '../../../../../agent/nodes/zigbee/process/read-event.ts';
import type { ProcessEvent } from '../../../../../agent/nodes/zigbee/process/words.ts';
import { createRandom } from '../../../../support/random.ts';
import { lockFacts } from '../bus/rig.ts';
import { LOCK, STICK } from '../samples.ts';

const EVENTS: ProcessEvent[] = [
  { kind: 'hello', version: 1 },
  { kind: 'answer', id: 1, ok: true, value: null },
  { kind: 'answer', id: 1, ok: false, code: 'silent', message: 'no' },
  { kind: 'device', device: lockFacts() },
  {
    kind: 'device',
    device: lockFacts({ vendor: null, model: null, firmware: null, powerSource: null, linkQuality: null, lastSeen: null }),
  },
  { kind: 'seen', address: LOCK, at: 1, linkQuality: null },
  { kind: 'left', address: LOCK },
  { kind: 'interview', address: LOCK, state: 'started' },
  { kind: 'reporting', address: LOCK, problem: null },
  { kind: 'permit_join', open: true, seconds: 60 },
  { kind: 'message', message: { address: LOCK, cluster: 'genBasic', type: 'read', values: { a: 1, b: 'x', c: true }, at: 1 } },
  { kind: 'lost', message: 'gone' },
  { kind: 'alive' },
  { kind: 'log', level: 'warn', text: 'careful' },
  { kind: 'trace', sent: true, address: 0, name: 'ZDO', bytes: null, text: '' },
];

test.each(EVENTS)('what the process says is understood: $kind', (event) => {
  expect(readEvent(JSON.stringify(event))).toEqual(event);
});

const message = (values: unknown) => ({ kind: 'message', message: { address: LOCK, cluster: 'a', type: 'b', values, at: 1 } });

test.each<[string, unknown]>([
  ['no JSON', '{"kind":'],
  ['null', null],
  ['a list', []],
  ['a number', 5],
  ['an unknown kind', { kind: 'formed' }],
  ['no kind', { address: LOCK }],
  ['a kind that every object has', { kind: 'constructor' }],
  ['a version that is a text', { kind: 'hello', version: '1' }],
  ['an answer without a number', { kind: 'answer', ok: true, value: 1 }],
  ['a failure with an unknown code', { kind: 'answer', id: 1, ok: false, code: 'formed', message: '' }],
  ['an address in capitals', { kind: 'left', address: LOCK.toUpperCase() }],
  ['an address that is a path', { kind: 'left', address: '../../0x0123456789abcdef' }],
  ['an address with a line after it', { kind: 'left', address: `${LOCK}\n` }],
  ['a link quality beyond its range', { kind: 'seen', address: LOCK, at: 1, linkQuality: 256 }],
  ['a time that no calendar has', { kind: 'seen', address: LOCK, at: 9e15, linkQuality: 1 }],
  ['a time that is written with a sign', { kind: 'seen', address: LOCK, at: Date.UTC(10_000, 0, 1), linkQuality: 1 }],
  ['a message of such a time', { kind: 'message', message: { address: LOCK, cluster: 'a', type: 'b', values: { a: 1 }, at: 8.64e15 } }],
  ['a check-in interval that the standard has not', { kind: 'device', device: lockFacts({ checkInSeconds: 1e308 }) }],
  ['a time before all', { kind: 'seen', address: LOCK, at: -1, linkQuality: 1 }],
  ['a device without its fields', { kind: 'device', device: { address: LOCK } }],
  ['a name without end', { kind: 'device', device: lockFacts({ model: 'x'.repeat(257) }) }],
  ['clusters without end', { kind: 'device', device: lockFacts({ clusters: Array.from({ length: 257 }, String) }) }],
  ['a value that is an object', message({ pincode: { deep: 1 } })],
  ['a value that is a list', message({ pincode: [1, 2, 3] })],
  ['a value that is null', message({ lockState: null })],
  ['values without end', message(Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`v${index}`, 1])))],
  ['a long value', message({ text: 'x'.repeat(257) })],
  ['a log line without end', { kind: 'log', level: 'info', text: 'x'.repeat(2049) }],
  ['a level that is none', { kind: 'log', level: 'fatal', text: '' }],
])('%s is nothing', (_, value) => {
  expect(readEvent(typeof value === 'string' ? value : JSON.stringify(value))).toBeNull();
});

test('what is no value is dropped from a message, and the rest stays', () => {
  const event = readEvent(JSON.stringify(message({ lockState: 1, doorState: null, pincode: [1, 2], text: 'x'.repeat(257) })));
  expect(event).toMatchObject({ message: { values: { lockState: 1 } } });
  expect(Object.keys((event as { message: { values: object } }).message.values)).toEqual(['lockState']);
});

test('a name in the prototype is no field', () => {
  const line = `{"kind":"device","device":{"__proto__":${JSON.stringify(lockFacts())}}}`;
  expect(readEvent(line)).toBeNull();
  expect(readEvent(`{"__proto__":{"kind":"alive"}}`)).toBeNull();
});

test('a line that is spoilt anywhere is read as what it says, or as nothing, and never throws', () => {
  const random = createRandom(20_261_128);
  for (let run = 0; run < 3_000; run += 1) {
    const line = Buffer.from(JSON.stringify(EVENTS[random.byte() % EVENTS.length]));
    for (let spoilt = 0; spoilt < 3; spoilt += 1) line[Math.floor(random.unit() * line.length)] = random.byte();
    const event = readEvent(line.toString('utf8'));
    if (event && 'address' in event && event.kind !== 'trace') expect(event.address).toMatch(/^0x[0-9a-f]{16}$/);
  }
});

describe('the answer of a command', () => {
  test.each<['look' | 'start' | 'check' | 'remove' | 'map', unknown]>([
    ['look', { state: 'blank', coordinator: STICK }],
    ['look', { state: 'network', coordinator: STICK, panId: 1, extendedPanId: STICK, channel: 11, isOurKey: null }],
    ['start', { result: 'reset', channel: 11, coordinator: STICK, firmware: null }],
    ['check', { state: 'reset' }],
    ['remove', { confirmed: false }],
    ['map', { neighbours: [{ of: LOCK, address: LOCK, relation: 'child', quality: 0 }], unasked: [LOCK] }],
  ])('%s is understood', (name, value) => {
    expect(hasAnswer(name)).toBe(true);
    expect(readAnswer(name, value)).toEqual(value);
  });

  test.each<['look' | 'start' | 'check' | 'remove' | 'map', unknown]>([
    ['look', null],
    ['look', { state: 'network', coordinator: STICK, panId: 0x10000, extendedPanId: STICK, channel: 11, isOurKey: null }],
    ['look', { state: 'blank', coordinator: '' }],
    ['start', { result: 'formed', channel: 11, coordinator: STICK, firmware: null }],
    ['start', { result: 'resumed', channel: 300, coordinator: STICK, firmware: null }],
    ['check', {}],
    ['remove', { confirmed: 'yes' }],
    ['map', { neighbours: [{ of: 'x', address: LOCK, relation: 'child', quality: 0 }], unasked: [] }],
  ])('%s with %j is an error', (name, value) => {
    expect(() => readAnswer(name, value)).toThrow(name);
  });

  test('commands that only end have none', () => expect(['permit_join', 'save', 'stop', 'toString'].map(hasAnswer)).not.toContain(true));
});

describe('lines', () => {
  const collect = (maxLength: number) => {
    const lines: string[] = [];
    return { lines, take: createLineSplitter(maxLength, (line) => void lines.push(line)) };
  };

  test('come whole, however the stream is cut', () => {
    const text = 'one\ntwo\n\nthree\nfour';
    for (let size = 1; size <= text.length; size += 1) {
      const { lines, take } = collect(10);
      for (let at = 0; at < text.length; at += size) take(text.slice(at, at + size));
      expect(lines).toEqual(['one', 'two', 'three']);
    }
  });

  test('that are too long are dropped to their end, and cost no memory', () => {
    const { lines, take } = collect(10);
    for (const part of ['x'.repeat(8), 'x'.repeat(8), 'x'.repeat(8), 'x\nok\n', `${'y'.repeat(11)}\nfine\n`]) take(part);
    expect(lines).toEqual(['ok', 'fine']);
  });
});
