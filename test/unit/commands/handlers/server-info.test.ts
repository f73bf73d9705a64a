import { expect, test } from 'vitest';
import { createServerInfo, type ServerInfoDeps } from '../../../../agent/commands/handlers/server-info.ts';
import type { HostReport } from '../../../../agent/system/host.ts';

const HOST: HostReport = {
  hostname: 'hub-7',
  osName: 'Debian GNU/Linux 12 (bookworm)',
  osVersion: '12',
  kernel: '6.1.0-18-arm64',
  arch: 'arm64',
  nodeVersion: '24.21.0',
  bootId: '1abbb859-9eb3-4155-ba22-6c739d807744',
  uptimeSeconds: 86_400,
  processUptimeSeconds: 60,
  memory: { totalBytes: 1_073_741_824, availableBytes: 536_870_912, agentRssBytes: 62_914_560 },
  disk: { totalBytes: 8_589_934_592, availableBytes: 4_294_967_296 },
  load: [0.1, 0.2, 0.3],
  temperatureCelsius: 48.3,
  clockSynchronized: true,
  interfaces: [{ name: 'wlan0', mac: '02:fc:00:00:00:02', state: 'up', wireless: true, addresses: ['192.0.2.7/24'] }],
};
const IDENTITY = {
  hubId: '6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d11',
  serial: 'SN-1',
  model: 'HUB-1',
  vendorName: 'Example',
  thingName: 'thing',
};
const CLAIM = { orgId: 'org', siteId: 'site', claimedBy: 'user', claimedAt: 1_795_300_000_000 };

function serverInfo(changes: Partial<ServerInfoDeps> = {}, host: Partial<HostReport> = {}) {
  return createServerInfo({
    identity: IDENTITY,
    version: '1.2.3',
    certificateExpiresAt: new Date('2049-12-31T23:59:59Z'),
    host: {
      bootId: async () => null,
      collect: async () => ({ ...HOST, ...host }),
      uptimeSeconds: async () => 1,
      clockSynchronized: async () => true,
    },
    cloudFacts: () => ({ endpoint: 'iot.example.com', port: 8883, connected: true, sessionAgeMs: 61_999, reconnectCount: 2, takeovers: 1 }),
    buses: () => [{ id: 'rs485', protocol: 'osdp', state: 'up' }],
    claim: () => CLAIM,
    release: () => ({ sequence: 1_795_300_000, factory: true, trial: false }),
    wifi: { current: async () => ({ ssid: 'Home', signalDbm: -54 }), credentialsSet: async () => true },
    clock: { nowMs: () => 0, schedule: () => () => {} },
    timeoutMs: 10_000,
    ...changes,
  });
}

const run = (changes?: Partial<ServerInfoDeps>, host?: Partial<HostReport>) =>
  serverInfo(changes, host).run({}, new AbortController().signal);

/** Levels of objects and lists below the outermost one. */
function depth(value: unknown): number {
  if (typeof value !== 'object' || value === null) return -1;
  return 1 + Math.max(-1, ...Object.values(value).map(depth));
}

function keysOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = Array.isArray(value) ? [] : Object.keys(value);
  return [...own, ...Object.values(value).flatMap(keysOf)];
}

test('the result has all facts of the contract', async () => {
  expect(await run()).toEqual({
    schemaVersion: 1,
    hub: IDENTITY,
    certificate: { expiresAt: '2049-12-31T23:59:59.000Z' },
    agent: { version: '1.2.3', nodeVersion: '24.21.0', uptimeSeconds: 60, rssBytes: 62_914_560 },
    release: { sequence: 1_795_300_000, trial: false },
    host: {
      hostname: 'hub-7',
      osName: 'Debian GNU/Linux 12 (bookworm)',
      osVersion: '12',
      kernel: '6.1.0-18-arm64',
      arch: 'arm64',
      bootId: HOST.bootId,
      uptimeSeconds: 86_400,
      temperatureCelsius: 48.3,
      clockSynchronized: true,
    },
    memory: { totalBytes: 1_073_741_824, availableBytes: 536_870_912 },
    disk: HOST.disk,
    load: { oneMinute: 0.1, fiveMinutes: 0.2, fifteenMinutes: 0.3 },
    interfaceCount: 1,
    interfaces: HOST.interfaces,
    wifi: { ssid: 'Home', signalDbm: -54 },
    wifiCredentialsSet: true,
    cloud: { endpoint: 'iot.example.com', port: 8883, connected: true, sessionAgeSeconds: 61, reconnectCount: 2, takeovers: 1 },
    busCount: 1,
    buses: [{ id: 'rs485', protocol: 'osdp', state: 'up' }],
    claim: CLAIM,
  });
});

test('a hub with many interfaces and buses still answers in under 4 KB, three levels deep, in camelCase', async () => {
  const interfaces = Array.from({ length: 60 }, (_, index) => ({
    name: `veth${index}abcdef`,
    mac: '02:fc:00:00:00:02',
    state: 'lowerlayerdown',
    wireless: false,
    addresses: Array.from({ length: 20 }, () => '2001:db8:1111:2222:3333:4444:5555:6666/64'),
  }));
  const error = { code: 'bus_unavailable' as const, message: 'x'.repeat(1000), reason: 'permission' as const };
  const buses = Array.from({ length: 9 }, (_, index) => ({
    id: `rs485-${index}`,
    protocol: 'osdp' as const,
    state: 'unavailable' as const,
    error,
  }));
  const result = await run({ buses: () => buses }, { interfaces });
  expect(result).toMatchObject({ interfaceCount: 60, busCount: 9 });
  expect((result as { buses: unknown[] }).buses[0]).toMatchObject({ error: { code: 'bus_unavailable', reason: 'permission' } });
  expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThan(4096);
  expect(depth(result)).toBeLessThanOrEqual(3);
  for (const key of keysOf(result)) expect(key).toMatch(/^[a-z][a-zA-Z0-9]*$/);
});

test('what is unknown is null', async () => {
  const result = await run(
    {
      claim: () => null,
      wifi: { current: async () => null, credentialsSet: async () => null },
      cloudFacts: () => ({ endpoint: 'e', port: 1, connected: false, sessionAgeMs: null, reconnectCount: 0, takeovers: 0 }),
    },
    { load: null, interfaces: null, temperatureCelsius: null },
  );
  expect(result).toMatchObject({ load: null, interfaces: null, interfaceCount: null, claim: null, wifi: null, wifiCredentialsSet: null });
  expect(result).toMatchObject({ cloud: { connected: false, sessionAgeSeconds: null } });
});

test('a Wi-Fi stack that is stuck or broken does not cost the answer', async () => {
  const clock = {
    nowMs: () => 0,
    schedule(_delayMs: number, elapsed: () => void) {
      elapsed();
      return () => {};
    },
  };
  const stuck = { current: () => new Promise<never>(() => {}), credentialsSet: () => Promise.reject(new Error('bug')) };
  expect(await run({ clock, wifi: stuck })).toMatchObject({ wifi: null, wifiCredentialsSet: null, schemaVersion: 1 });
});

test('an aborted run says so', async () => {
  await expect(serverInfo().run({}, AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
});

test('args are ignored, but must be an object', () => {
  const { parse } = serverInfo();
  expect(parse({ refresh: true })).toEqual({});
  expect(parse(undefined)).toEqual({});
  expect(() => parse('all')).toThrow(expect.objectContaining({ code: 'invalid_args' }));
});
