import { expect, test } from 'vitest';
import type { JoinPlan } from '../../../../agent/wifi/change/plan.ts';
import { linkFailure } from '../../../../agent/wifi/networkmanager/link-failure.ts';

const psk: JoinPlan = { security: 'wpa-psk', seen: true, mayUseSae: false, alsoWpa2: false };
const sae: JoinPlan = { security: 'sae', seen: true, mayUseSae: true, alsoWpa2: false };
const hidden: JoinPlan = { security: 'wpa-psk', seen: false, mayUseSae: true, alsoWpa2: false };

test.each([
  [7, psk, 'wifi_authentication_failed'],
  [8, psk, 'wifi_authentication_failed'],
  [9, sae, 'wifi_authentication_failed'],
  [10, psk, 'wifi_authentication_failed'],
  [11, psk, 'wifi_authentication_failed'],
  [53, sae, 'wifi_authentication_failed'],
  [53, psk, 'wifi_network_not_found'],
  [53, hidden, 'wifi_network_not_found'],
  [5, psk, 'wifi_no_address'],
  [6, psk, 'wifi_no_address'],
  [15, psk, 'wifi_no_address'],
  [16, psk, 'wifi_no_address'],
  [17, psk, 'wifi_no_address'],
  [35, psk, 'wifi_unavailable'],
  [36, psk, 'wifi_unavailable'],
  [37, psk, 'wifi_unavailable'],
  [38, psk, 'wifi_rolled_back'],
  [39, psk, 'wifi_rolled_back'],
  [60, psk, 'wifi_rolled_back'],
  [1, psk, 'wifi_rolled_back'],
  [null, psk, 'wifi_rolled_back'],
])('reason %s with %o is %s', (reason, plan, code) => {
  expect(linkFailure(reason, plan, false).code).toBe(code);
});

test('a link that broke after the access point had let the hub in is no wrong password', () => {
  for (const reason of [7, 8, 10, 11]) expect(linkFailure(reason, psk, true).code).toBe('wifi_rolled_back');
  expect(linkFailure(5, psk, true).code).toBe('wifi_no_address');
});
