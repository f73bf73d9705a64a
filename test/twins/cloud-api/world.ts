import { createFakeIotBackend } from './fake-iot-backend.ts';
import { createCloudApi } from './index.ts';
import type { ApiRequestLine, CloudApiOptions } from './types.ts';

export const HUB_ID = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890';
export const OWN_KEY = 'key-of-own-org';
export const FOREIGN_KEY = 'key-of-foreign-org';
export const SUPER_KEY = 'super-key';

/** 2026-11-21T10:00:00Z. */
export const NOW_MS = 1_795_255_200_000;

/** A reply as a caller sees it. */
export interface Reply {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the tests state what is in it.
  body: any;
  headers: Headers;
}

/** A running API twin on a fake IoT Core with one registered Thing, and a caller for it. Dispose of it with `await using`. */
export async function createWorld(options: Partial<CloudApiOptions> = {}) {
  const iot = createFakeIotBackend();
  iot.registerThing(HUB_ID);
  const clock = { ms: NOW_MS };
  const lines: ApiRequestLine[] = [];
  const api = createCloudApi({
    iotCore: iot,
    keys: [
      { key: OWN_KEY, orgId: 'own' },
      { key: FOREIGN_KEY, orgId: 'foreign' },
      { key: SUPER_KEY, orgId: 'vendor', super: true },
    ],
    jwtSecret: 'a secret of this test',
    wallClock: { nowMs: () => clock.ms },
    onRequest: (line) => lines.push(line),
    ...options,
  });
  await api.start();

  async function request(path: string, init: RequestInit): Promise<Reply> {
    const response = await fetch(api.url + path, init);
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text), headers: response.headers };
  }

  function post(call: string, body: object, headers: Record<string, string> = { 'x-api-key': OWN_KEY }, hubId = HUB_ID): Promise<Reply> {
    const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
    return request(`/hubs/${hubId}/${call}`, init);
  }

  const provision = (more: object = {}) => post('ProvisionHub', { hubId: HUB_ID, serial: 'SN-1', model: 'H1', ...more });
  const claim = (more: object = {}, key = OWN_KEY) =>
    post('ClaimHub', { hubId: HUB_ID, siteId: 'site', userId: 'user', ...more }, { 'x-api-key': key });
  const command = (more: object = {}, key = OWN_KEY) => post('SendHubCommand', { hubId: HUB_ID, ...more }, { 'x-api-key': key });
  const status = (key = OWN_KEY, hubId = HUB_ID) => request(`/hubs/${hubId}/status`, { headers: { 'x-api-key': key } });
  const goOnline = () => iot.report(HUB_ID, { online: true, session: 's', lastSeen: NOW_MS, version: '1.2.3', uptimeSeconds: 60 });
  const desired = () => iot.shadow(HUB_ID).get()?.state.desired;

  return {
    api,
    iot,
    clock,
    lines,
    request,
    post,
    provision,
    claim,
    command,
    status,
    goOnline,
    desired,
    [Symbol.asyncDispose]: () => api.stop(),
  };
}
