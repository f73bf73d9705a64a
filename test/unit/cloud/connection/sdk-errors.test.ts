import { expect, test } from 'vitest';
import {
  acknowledgementError,
  connectFailure,
  disconnection,
  operationError,
  shadowRefusal,
} from '../../../../agent/cloud/connection/sdk-errors.ts';

const crt = (error_name: string) => Object.assign(new Error('some words'), { error_name });

test.each([
  ['AWS_IO_DNS_INVALID_NAME', 'network'],
  ['AWS_IO_DNS_QUERY_FAILED', 'network'],
  ['AWS_IO_SOCKET_CONNECTION_REFUSED', 'network'],
  ['AWS_IO_SOCKET_TIMEOUT', 'network'],
  ['AWS_IO_SOCKET_NO_ROUTE_TO_HOST', 'network'],
  ['AWS_ERROR_MQTT5_CONNACK_TIMEOUT', 'network'],
  ['AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE', 'tls'],
  ['AWS_IO_TLS_NEGOTIATION_TIMEOUT', 'tls'],
  ['AWS_ERROR_MQTT_UNEXPECTED_HANGUP', 'closed'],
])('a connect that failed with %s: %s', (name, reason) => {
  expect(connectFailure(crt(name), undefined)).toMatchObject({ reason, detail: name });
});

test('a CONNACK with an error is a refusal, whatever the library says beside it', () => {
  expect(connectFailure(crt('AWS_IO_SOCKET_CLOSED'), 0x97)).toEqual({ reason: 'refused', detail: 'CONNACK 0x97' });
});

test.each([
  [0x8e, 'taken_over'],
  [0x87, 'unauthorized'],
  [0x8d, 'keepalive'],
  [0x98, 'kicked'],
  [0x00, 'kicked'],
] as const)('DISCONNECT 0x%x: %s', (code, reason) => {
  expect(disconnection('text', code).reason).toBe(reason);
});

test('a DISCONNECT that names a packet of ours accuses it, one for another reason does not', () => {
  const accuses = (code: number) => disconnection('text', code).accuses ?? false;
  for (const code of [0x81, 0x82, 0x8f, 0x90, 0x94, 0x95, 0x99, 0x9b, 0x9e, 0xa1, 0xa2])
    expect(accuses(code), code.toString(16)).toBe(true);
  for (const code of [0x00, 0x80, 0x87, 0x88, 0x89, 0x8b, 0x8d, 0x8e, 0x93, 0x96, 0x97, 0x98, 0x9c, 0x9d, 0xa0])
    expect(accuses(code), code.toString(16)).toBe(false);
});

test('a link that ended without a DISCONNECT', () => {
  expect(disconnection(crt('AWS_ERROR_MQTT5_PING_RESPONSE_TIMEOUT'), undefined).reason).toBe('keepalive');
  expect(disconnection(crt('AWS_ERROR_MQTT_UNEXPECTED_HANGUP'), undefined).reason).toBe('closed');
  expect(disconnection('just words', undefined)).toEqual({ reason: 'closed', detail: 'just words' });
});

test('operations: a time-out leaves it open whether it was done', () => {
  expect(operationError('publish', 'AWS_ERROR_MQTT_TIMEOUT: Time limit').code).toBe('cloud_timeout');
  expect(operationError('publish', crt('AWS_ERROR_MQTT5_USER_REQUESTED_STOP')).code).toBe('cloud_disconnected');
});

test.each([
  [409, 'shadow_conflict'],
  [404, 'shadow_not_found'],
  [429, 'shadow_throttled'],
  [413, 'shadow_too_large'],
  [400, 'cloud_refused'],
  [500, 'cloud_timeout'],
])('a shadow request that was answered %i: %s', (code, expected) => {
  expect(shadowRefusal('update', { code, message: 'why' })).toMatchObject({
    code: expected,
    message: `update: ${code} why`,
  });
});

test('rejections that are no objects', () => {
  expect(operationError('publish', 'words').code).toBe('cloud_disconnected');
  expect(operationError('publish', null).code).toBe('cloud_disconnected');
});

test('acknowledgements: a policy says no for good, a quota for now', () => {
  expect(acknowledgementError('publish', undefined)).toBeNull();
  expect(acknowledgementError('publish', 0x10)).toBeNull();
  expect(acknowledgementError('publish', 0x87)?.code).toBe('cloud_refused');
  expect(acknowledgementError('subscribe', 0x8f)?.code).toBe('cloud_refused');
  expect(acknowledgementError('publish', 0x97)?.code).toBe('cloud_timeout');
});

test('the end of an attempt without an address is marked, whatever else failed is not', () => {
  expect(connectFailure({ error_name: 'AWS_IO_DNS_QUERY_FAILED' }, undefined)).toMatchObject({ reason: 'network', unsent: true });
  expect(connectFailure({ error_name: 'AWS_IO_SOCKET_TIMEOUT' }, undefined)).not.toHaveProperty('unsent');
  expect(connectFailure({ error_name: 'AWS_IO_DNS_QUERY_FAILED' }, 0x87)).not.toHaveProperty('unsent');
});
