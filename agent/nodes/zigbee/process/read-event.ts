import { parseBounded } from '../../../system/bounded-json.ts';
import { check, parsed, type Schema } from '../../../system/schema.ts';
import { CHECK_IN_SECONDS, TIME } from '../devices/values.ts';
import type { Answers, DeviceMessage, ProcessEvent } from './words.ts';

/** What a device may tell of itself is bounded here: a name in the air is anything. */
const text = (maxLength = 256): Schema => ({ type: 'string', maxLength });
const orNull = (schema: Schema, type: 'string' | 'number'): Schema => ({ ...schema, type: [type, 'null'] });
const object = (properties: Record<string, Schema>): Schema => ({ type: 'object', properties, required: Object.keys(properties) });
const event = (kind: string, properties: Record<string, Schema>): Schema => object({ kind: { const: kind }, ...properties });
const list = (items: Schema, maxItems: number): Schema => ({ type: 'array', items, maxItems });

const ADDRESS: Schema = { type: 'string', pattern: /^0x[0-9a-f]{16}$/ };
const COUNT: Schema = { type: 'integer', minimum: 0 };
const QUALITY: Schema = { type: 'number', minimum: 0, maximum: 255 };
const FLAG: Schema = { type: 'boolean' };
const MAX_CLUSTERS = 256;
const MAX_NEIGHBOURS = 16_384;
const MAX_VALUES = 64;

const DEVICE = object({
  address: ADDRESS,
  kind: { enum: ['router', 'end_device', 'unknown'] },
  vendor: orNull(text(), 'string'),
  model: orNull(text(), 'string'),
  firmware: orNull(text(), 'string'),
  powerSource: orNull(text(), 'string'),
  interview: { enum: ['pending', 'running', 'done', 'failed'] },
  linkQuality: orNull(QUALITY, 'number'),
  lastSeen: orNull(TIME, 'number'),
  checkInSeconds: orNull(CHECK_IN_SECONDS, 'number'),
  clusters: list(text(), MAX_CLUSTERS),
});

const FAILURES = [
  'library_missing',
  'port',
  'in_use',
  'disk',
  'silent',
  'not_this_adapter',
  'late',
  'unknown_device',
  'not_started',
  'failed',
];

const EVENTS: readonly Schema[] = [
  event('hello', { version: COUNT }),
  event('answer', { id: COUNT, ok: { const: true }, value: {} }),
  event('answer', { id: COUNT, ok: { const: false }, code: { enum: FAILURES }, message: text(1024) }),
  event('device', { device: DEVICE }),
  event('seen', { address: ADDRESS, at: TIME, linkQuality: orNull(QUALITY, 'number') }),
  event('left', { address: ADDRESS }),
  event('interview', { address: ADDRESS, state: { enum: ['joined', 'started', 'done', 'failed'] } }),
  event('reporting', { address: ADDRESS, problem: orNull(text(), 'string') }),
  event('permit_join', { open: FLAG, seconds: COUNT }),
  event('message', { message: object({ address: ADDRESS, cluster: text(), type: text(), values: { type: 'object' }, at: TIME }) }),
  event('lost', { message: text(1024) }),
  event('alive', {}),
  event('log', { level: { enum: ['info', 'warn', 'error'] }, text: text(2048) }),
  event('trace', { sent: FLAG, address: COUNT, name: text(), bytes: { type: ['integer', 'null'], minimum: 0 }, text: text() }),
];

const COORDINATOR: Schema = { type: 'string', pattern: /^[0-9a-f]{16}$/ };
const CHANNEL: Schema = { type: 'integer', minimum: 0, maximum: 255 };
const NEIGHBOUR = object({ of: ADDRESS, address: ADDRESS, relation: { enum: ['parent', 'child', 'sibling', 'other'] }, quality: QUALITY });
const ANSWERS: Readonly<Record<keyof Answers, Schema>> = {
  look: {
    oneOf: [
      object({ state: { const: 'blank' }, coordinator: COORDINATOR }),
      object({
        state: { const: 'network' },
        coordinator: COORDINATOR,
        panId: { type: 'integer', minimum: 0, maximum: 0xffff },
        extendedPanId: COORDINATOR,
        channel: CHANNEL,
        isOurKey: { type: ['boolean', 'null'] },
      }),
    ],
  },
  start: object({
    result: { enum: ['resumed', 'restored', 'reset'] },
    channel: CHANNEL,
    coordinator: COORDINATOR,
    firmware: orNull(text(), 'string'),
  }),
  check: object({ state: { enum: ['up', 'reset'] } }),
  remove: object({ confirmed: FLAG }),
  send_away: object({ confirmed: FLAG }),
  map: object({ neighbours: list(NEIGHBOUR, MAX_NEIGHBOURS), unasked: list(ADDRESS, MAX_NEIGHBOURS) }),
};

const isScalar = (value: unknown) =>
  typeof value === 'number' || typeof value === 'boolean' || (typeof value === 'string' && value.length <= 256);

/** The message with what can be a value in it; null when that is nothing, or more than a device has. */
function withScalars(message: DeviceMessage): DeviceMessage | null {
  const told = Object.entries(message.values);
  const values = Object.fromEntries(told.filter(([, value]) => isScalar(value)));
  return told.length > MAX_VALUES || Object.keys(values).length === 0 ? null : { ...message, values };
}

/** What the process wrote on one line; null for anything else. */
export function readEvent(line: string): ProcessEvent | null {
  let value: unknown;
  try {
    value = parseBounded(line);
  } catch {
    return null;
  }
  const kind = (value as { kind?: unknown } | null)?.kind;
  const known = EVENTS.filter(({ properties }) => properties?.kind?.const === kind);
  const result = check({ oneOf: known }, value);
  if (!result.ok) return null;
  const read = result.value as ProcessEvent;
  if (read.kind !== 'message') return read;
  const message = withScalars(read.message);
  return message && { ...read, message };
}

/** Whether the command answers more than that it was carried out. */
export const hasAnswer = (name: string): name is keyof Answers => Object.hasOwn(ANSWERS, name);

/** The answer of a command. @throws Error when it is none */
export function readAnswer<Name extends keyof Answers>(name: Name, value: unknown): Answers[Name] {
  return parsed<Answers[Name]>(ANSWERS[name], value, `the Zigbee process answered "${name}" with something else`);
}
