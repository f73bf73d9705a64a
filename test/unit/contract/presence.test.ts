import { expect, test } from 'vitest';
import { presencePayload, presenceStateOf } from '../../../agent/contract/presence.ts';

test('the payload is the contract’s', () => {
  expect(JSON.parse(presencePayload({ state: 'online', session: 's', at: 5, version: '1.2.3' }))).toEqual({
    state: 'online',
    session: 's',
    at: 5,
    version: '1.2.3',
  });
});

test.each([
  ['{"state":"offline","session":"x"}', 'offline'],
  ['{"state":"online"}', 'online'],
  ['{"state":"away"}', null],
  ['{"state":1}', null],
  ['null', null],
  ['[]', null],
  ['', null],
  ['not json', null],
])('%s is understood as %s', (text, state) => {
  expect(presenceStateOf(Buffer.from(text))).toBe(state);
});
