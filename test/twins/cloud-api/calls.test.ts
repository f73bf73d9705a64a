import { expect, test } from 'vitest';
import { createWorld, FOREIGN_KEY, HUB_ID, NOW_MS, OWN_KEY, SUPER_KEY } from './world.ts';

const OFFLINE = { success: false, error: 'Error', message: 'Hub offline — the hub is not currently connected to the network.', code: 502 };
const NOT_FOUND = { success: false, error: 'Not Found', message: 'The requested resource was not found', code: 404 };

function badRequest(...details: { field: string; message: string }[]) {
  const message = 'The request contains invalid parameters or malformed data';
  return { success: false, error: 'Bad Request', message, code: 400, details };
}

test('ProvisionHub registers a hub once', async () => {
  await using world = await createWorld();
  const first = await world.provision({ vendorName: 'Vendor' });
  expect(first.status).toBe(201);
  expect(first.body).toEqual({
    success: true,
    aggregateId: HUB_ID,
    version: 1,
    event: {
      type: 'HubProvisioned',
      data: { hubId: HUB_ID, serial: 'SN-1', model: 'H1', thingName: HUB_ID, vendorName: 'Vendor', provisionedAt: NOW_MS },
    },
  });
  const second = await world.provision({ serial: 'SN-2' });
  expect(second.status).toBe(200);
  expect(second.body).toEqual({ success: true, aggregateId: HUB_ID, version: 1, event: null });
  expect((await world.status()).body.serial).toBe('SN-1');
});

test('ProvisionHub wants a Thing that exists', async () => {
  await using world = await createWorld();
  const reply = await world.provision({ thingName: 'elsewhere' });
  expect(reply.status).toBe(400);
  expect(reply.body).toEqual(badRequest({ field: 'thingName', message: 'Thing "elsewhere" does not exist in AWS IoT' }));
  world.iot.registerThing('elsewhere');
  expect((await world.provision({ thingName: 'elsewhere' })).status).toBe(201);
  expect((await world.status()).body.thingName).toBe('elsewhere');
});

test('every field that is wrong is named', async () => {
  await using world = await createWorld();
  const reply = await world.post('ProvisionHub', { hubId: 'hub', serial: '', thingName: 7 });
  expect(reply.body).toEqual(
    badRequest(
      { field: 'hubId', message: 'hubId must be a UUID' },
      { field: 'serial', message: 'serial must not be empty' },
      { field: 'model', message: 'model is required' },
      { field: 'thingName', message: 'thingName must be a string' },
    ),
  );
});

test.each(['ProvisionHub', 'ClaimHub', 'SendHubCommand'])('%s: the id in the path and hubId are the same', async (call) => {
  await using world = await createWorld();
  const everything = { serial: 's', model: 'm', siteId: 's', userId: 'u', command: 'get_nodes' };
  const other = '00000000-0000-4000-8000-000000000000';
  const reply = await world.post(call, { hubId: other, ...everything });
  expect(reply.status).toBe(400);
  expect(reply.body).toEqual(badRequest({ field: 'hubId', message: 'hubId must be the same as the id in the path' }));
});

test('a UUID is the same hub in either case', async () => {
  await using world = await createWorld();
  await world.provision();
  const reply = await world.post('ProvisionHub', { hubId: HUB_ID.toUpperCase(), serial: 's', model: 'm' });
  expect(reply.body).toEqual({ success: true, aggregateId: HUB_ID, version: 1, event: null });
  expect((await world.status(OWN_KEY, HUB_ID.toUpperCase())).body.hubId).toBe(HUB_ID);
});

test("ClaimHub binds the hub to the key's organisation and tells the hub", async () => {
  await using world = await createWorld();
  await world.provision();
  world.goOnline();
  const reply = await world.claim();
  expect(reply.status).toBe(200);
  const written = { orgId: 'own', siteId: 'site', claimedBy: 'user', claimedAt: NOW_MS };
  expect(reply.body).toEqual({
    success: true,
    aggregateId: HUB_ID,
    version: 2,
    event: { type: 'HubClaimed', data: { hubId: HUB_ID, ...written, isPrimary: true } },
  });
  expect(world.desired()).toEqual({ claim: written });
  const again = await world.claim();
  expect(again.status).toBe(400);
  expect(again.body).toEqual(badRequest({ field: 'hubId', message: 'Hub is already claimed' }));
  expect((await world.claim({}, SUPER_KEY)).status).toBe(400);
});

test('only a super key claims for another organisation', async () => {
  await using world = await createWorld();
  await world.provision();
  world.goOnline();
  const refused = await world.claim({ orgId: 'own' }, FOREIGN_KEY);
  expect(refused.status).toBe(403);
  expect(refused.body).toMatchObject({ success: false, error: 'Forbidden', code: 403 });
  expect(world.desired()).toBeUndefined();
  expect((await world.claim({ orgId: 'own' }, SUPER_KEY)).status).toBe(200);
  expect((await world.status()).body.orgId).toBe('own');
});

test('ClaimHub tells apart what is unknown, not provisioned and offline', async () => {
  await using world = await createWorld();
  const unknown = '00000000-0000-4000-8000-000000000000';
  const missing = await world.post('ClaimHub', { hubId: unknown, siteId: 's', userId: 'u' }, undefined, unknown);
  expect(missing.status).toBe(404);
  expect(missing.body).toEqual(NOT_FOUND);
  expect((await world.claim()).body).toEqual(badRequest({ field: 'hubId', message: 'Hub is not provisioned' }));
  await world.provision();
  const offline = await world.claim();
  expect(offline.status).toBe(502);
  expect(offline.body).toEqual(OFFLINE);
  expect((await world.status()).body.status).toBe('Provisioned');
});

test('a claim that the shadow did not take is none', async () => {
  await using world = await createWorld();
  await world.provision();
  world.goOnline();
  world.iot.failUpdates(1, 429);
  expect((await world.claim()).status).toBe(502);
  const { body } = await world.status();
  expect(body).toMatchObject({ status: 'Provisioned' });
  expect(body).not.toHaveProperty('orgId');
  expect((await world.claim()).status).toBe(200);
});

test('the back office suspends a hub and releases its claim', async () => {
  await using world = await createWorld();
  await world.provision();
  world.goOnline();
  world.api.setStatus(HUB_ID, 'Suspended');
  expect((await world.claim()).body).toEqual(badRequest({ field: 'hubId', message: 'Hub is suspended' }));
  world.api.setStatus(HUB_ID, 'Provisioned');
  expect((await world.claim()).body.version).toBe(4);
  world.api.setStatus(HUB_ID, 'Provisioned');
  expect((await world.claim({}, FOREIGN_KEY)).status).toBe(200);
  expect(() => world.api.setStatus('nobody', 'Suspended')).toThrow('no such hub');
});

test('SendHubCommand writes command and args verbatim, whatever they are', async () => {
  await using world = await createWorld();
  await world.provision();
  world.goOnline();
  const args = { ssid: 'Café', deep: { list: [1, { a: true }] } };
  const reply = await world.command({ command: 'no_such_command', args, more: 1 });
  expect(reply.status).toBe(200);
  expect(reply.body).toEqual({ success: true, aggregateId: HUB_ID, version: 1, event: null });
  expect(world.desired()).toEqual({ command: 'no_such_command', args });
});

test('args that the caller left out are not written: older ones ride along', async () => {
  await using world = await createWorld();
  await world.provision();
  world.goOnline();
  await world.command({ command: 'get_nodes', args: { refresh: true } });
  await world.command({ command: 'server_info' });
  expect(world.desired()).toEqual({ command: 'server_info', args: { refresh: true } });
});

test.each([
  [{}, 'command'],
  [{ command: '' }, 'command'],
  [{ command: 7 }, 'command'],
  [{ command: 'get_nodes', args: [] }, 'args'],
  [{ command: 'get_nodes', args: null }, 'args'],
  [{ command: 'get_nodes', args: 'refresh' }, 'args'],
])('SendHubCommand refuses %j as malformed', async (body, field) => {
  await using world = await createWorld();
  await world.provision();
  world.goOnline();
  const reply = await world.command(body);
  expect(reply.status).toBe(400);
  expect(reply.body.details).toEqual([expect.objectContaining({ field })]);
  expect(world.desired()).toBeUndefined();
});

test('SendHubCommand answers 404 for no hub and 502 for one that is off', async () => {
  await using world = await createWorld();
  expect((await world.command({ command: 'get_nodes' })).status).toBe(404);
  await world.provision();
  expect((await world.command({ command: 'get_nodes' })).body).toEqual(OFFLINE);
  expect(world.desired()).toBeUndefined();
});

test('with "store", SendHubCommand leaves the command in the shadow of a hub that is off; ClaimHub still refuses', async () => {
  await using world = await createWorld({ sendWhileOffline: 'store' });
  expect((await world.command({ command: 'get_nodes' })).status).toBe(404);
  await world.provision();
  expect((await world.claim()).body).toEqual(OFFLINE);
  const reply = await world.command({ command: 'get_nodes', args: { refresh: true } });
  expect(reply.status).toBe(200);
  expect(reply.body).toEqual({ success: true, aggregateId: HUB_ID, version: 1, event: null });
  expect(world.desired()).toEqual({ command: 'get_nodes', args: { refresh: true } });
});

test.each(['refuse', 'store'] as const)(
  'with "%s", a shadow that refuses the command is 502, and the answer says so',
  async (sendWhileOffline) => {
    await using world = await createWorld({ sendWhileOffline });
    await world.provision();
    world.goOnline();
    for (const code of [400, 413, 429, 500]) {
      world.iot.failUpdates(1, code);
      const { status, body } = await world.command({ command: 'get_nodes' });
      expect(status).toBe(502);
      expect(body).toMatchObject({
        success: false,
        error: 'Error',
        code: 502,
        message: expect.stringContaining(`shadow could not be written: ${code}`),
      });
    }
    expect(world.desired()).toBeUndefined();
  },
);

test('the hub of another organisation does not exist', async () => {
  await using world = await createWorld();
  await world.provision();
  world.goOnline();
  await world.claim();
  expect((await world.command({ command: 'get_nodes' }, FOREIGN_KEY)).body).toEqual(NOT_FOUND);
  expect((await world.status(FOREIGN_KEY)).body).toEqual(NOT_FOUND);
  expect((await world.command({ command: 'get_nodes' }, SUPER_KEY)).status).toBe(200);
});

test('status joins what the backend knows with what the hub reports', async () => {
  await using world = await createWorld();
  expect((await world.status()).status).toBe(404);
  await world.provision();
  const base = { hubId: HUB_ID, serial: 'SN-1', model: 'H1', thingName: HUB_ID, provisionedAt: NOW_MS };
  // Exactly these keys: what is unknown is left out.
  expect((await world.status()).body).toEqual({ ...base, status: 'Provisioned', isPrimary: false, online: false });

  world.goOnline();
  world.clock.ms += 1000;
  await world.claim();
  expect((await world.status()).body).toEqual({
    ...base,
    ...{ status: 'Claimed', orgId: 'own', siteId: 'site', isPrimary: true, claimedAt: NOW_MS + 1000 },
    ...{ online: true, lastSeen: NOW_MS, version: '1.2.3', uptimeSeconds: 60 },
  });
});

test('the first hub of a site is its primary', async () => {
  await using world = await createWorld();
  await world.provision();
  world.goOnline();
  await world.claim();
  const second = '00000000-0000-4000-8000-000000000002';
  world.iot.registerThing(second);
  world.iot.report(second, { online: true });
  await world.post('ProvisionHub', { hubId: second, serial: 's', model: 'm' }, undefined, second);
  await world.post('ClaimHub', { hubId: second, siteId: 'site', userId: 'u' }, undefined, second);
  expect((await world.status(OWN_KEY, second)).body).toMatchObject({ status: 'Claimed', isPrimary: false });
  expect((await world.status()).body.isPrimary).toBe(true);
});

test('the presence rule runs with the API', async () => {
  await using world = await createWorld();
  await world.provision();
  world.goOnline();
  world.iot.publish(`hubs/${HUB_ID}/presence`, JSON.stringify({ state: 'offline', session: 's', at: NOW_MS + 5 }));
  expect((await world.status()).body).toMatchObject({ online: false, lastSeen: NOW_MS + 5 });
});
