import { describe, expect, test } from 'vitest';
import { mostTelling } from '../../../../agent/hubctl/connectivity/net.ts';
import { hasDefaultRoute } from '../../../../agent/hubctl/connectivity/routes.ts';

const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
const ipv4 = (destination: string, flags: string, mask: string) =>
  `${HEAD}wlan0\t${destination}\t0100A8C0\t${flags}\t0\t0\t600\t${mask}\t0\t0\t0\n`;
const ipv6 = (destination: string, length: string, flags: string, device: string) =>
  `${destination} ${length} ${'0'.repeat(32)} 00 ${'0'.repeat(32)} ffffffff 00000001 00000000 ${flags} ${device.padStart(8)}\n`;
const NONE = '0'.repeat(32);

describe('a default route', () => {
  test.each([
    ['of IPv4', ipv4('00000000', '0003', '00000000'), '', true],
    ['of IPv6', HEAD, ipv6(NONE, '00', '00450003', 'wlan0'), true],
    ['only to the own network', ipv4('0000A8C0', '0001', '00FFFFFF'), ipv6(`fe80${'0'.repeat(28)}`, '40', '00000001', 'wlan0'), false],
    ['half of the addresses, as a tunnel has it', ipv4('00000000', '0003', '00000080'), '', false],
    ['that rejects', ipv4('00000000', '0201', '00000000'), '', false],
    ["of the kernel's own, which says unreachable", HEAD, ipv6(NONE, '00', '00200200', 'lo'), false],
    ['none', HEAD, '', false],
    ['none, in files that are empty', '', '', false],
  ])('%s', (_what, route, ipv6Route, expected) => expect(hasDefaultRoute(route, ipv6Route)).toBe(expected));
});

test.each([
  [['ETIMEDOUT', 'ECONNREFUSED'], 'ECONNREFUSED'],
  [['ENETUNREACH', 'ETIMEDOUT'], 'ETIMEDOUT'],
  [['ENETUNREACH', 'EHOSTUNREACH'], 'EHOSTUNREACH'],
  [['ETIMEDOUT', 'EACCES', 'ENETUNREACH'], 'EACCES'],
  [['ETIMEDOUT'], 'ETIMEDOUT'],
  [[], null],
])('of the errors %j of several addresses a person is told %s', (codes, expected) => expect(mostTelling(codes)).toBe(expected));
