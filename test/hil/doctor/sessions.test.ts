import { readFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { hubctl } from '../../../agent/hubctl/cli/hubctl.ts';
import { openRawClient } from '../../twins/iot-core/raw-client.ts';
import { bareMachine } from '../../unit/hubctl/bare-machine.ts';
import { createFakeTerminal } from '../../unit/hubctl/fake-terminal.ts';
import { placesOf } from '../rig/hubctl.ts';
import { createRig } from '../rig/rig.ts';
import { RUNNING } from './agents.ts';
import { examine } from './examine.ts';

/** AWS IoT takes one CONNECT of a client id in a second. */
const CONNECT_GAP_MS = 1_100;

describe.concurrent('the doctor finds', () => {
  test('an agent that comes back meanwhile, and leaves it the session', async () => {
    await using rig = await createRig();
    const etc = (name: string) => readFile(join(rig.folder, 'etc', name), 'utf8');
    const [certificate, privateKey] = await Promise.all([etc('certificate.pem'), etc('private.key')]);
    const { host, port } = rig.iotCore;
    const identity = { host, port, caCertificate: rig.pki.caCertificate, credentials: { certificate, privateKey } };
    const events: string[] = [];
    rig.iotCore.onEvent(({ kind }) => events.push(kind));
    // Holds the doctor up until the other one is there.
    rig.iotCore.faults.losePubacks(1, `hubs/${rig.hubId}/commands/`);
    const examined = examine(rig, 'mqtt,topics');
    await rig.until('the doctor is connected', () => rig.iotCore.connections().length > 0);
    await sleep(CONNECT_GAP_MS);
    const other = await openRawClient(identity);
    await other.connect({ clientId: rig.hubId, keepalive: 0 });
    expect(await examined).toMatchObject([
      { check: 'mqtt', status: 'ok' },
      { check: 'topics', status: 'skipped', finding: expect.stringMatching(/not tried: .*commands\/hubctl\/result.*last will/) },
    ]);
    expect(events.filter((kind) => kind === 'connected')).toHaveLength(2);
    expect(rig.iotCore.connections()).toEqual([rig.hubId]);
    other.destroy();
  });

  test.each([
    ['whose sockets are all in use', 'busy', undefined],
    ['whose socket is gone', 'gone', 'active'],
    ['between two starts', 'gone', 'activating'],
  ])('an agent %s, and leaves its session alone', async (_what, kind, activeState) => {
    await using rig = await createRig();
    const server = createServer();
    server.maxConnections = 1;
    const held: Socket[] = [];
    if (kind === 'busy') {
      const path = join(rig.folder, 'control.sock');
      await new Promise<void>((resolve) => server.listen(path, resolve));
      held.push(connect(path));
      await new Promise((resolve) => server.once('connection', resolve));
    }
    const connected: string[] = [];
    rig.iotCore.onEvent(({ kind: event }) => connected.push(event));
    const service = async () => (activeState ? { ...RUNNING, activeState } : null);
    const results = await examine(rig, 'agent,mqtt,topics', { service });
    expect(results).toMatchObject([
      { check: 'agent', status: 'fail' },
      { check: 'mqtt', status: 'skipped', finding: expect.stringContaining('end the session') },
      { check: 'topics', status: 'skipped' },
    ]);
    const terminal = createFakeTerminal();
    const argv = ['cloud', 'ping', '--json', ...placesOf(rig)];
    expect(await hubctl(argv, terminal, { ...bareMachine(rig.folder), service })).toBe(kind === 'busy' ? 75 : 69);
    expect(terminal.json()).toMatchObject({ reached: false, tls: { ok: true }, connack: null, agentProblem: expect.any(String) });
    expect(connected).not.toContain('connected');
    for (const socket of held) socket.destroy();
    server.close();
  });

  test('an agent that hangs, and leaves its session alone', async () => {
    await using rig = await createRig();
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(join(rig.folder, 'control.sock'), resolve));
    const etc = join(rig.folder, 'etc');
    const terminal = createFakeTerminal();
    const connected: string[] = [];
    rig.iotCore.onEvent(({ kind }) => connected.push(kind));
    const argv = [
      'doctor',
      '--json',
      '--check',
      'agent,mqtt',
      '--config',
      join(etc, 'agent.json'),
      '--identity',
      join(etc, 'identity.json'),
    ];
    expect(await hubctl(argv, terminal, bareMachine(rig.folder))).toBe(1);
    expect(terminal.json()).toMatchObject({
      checks: [
        { check: 'agent', status: 'fail', finding: 'it runs and does not answer' },
        { check: 'mqtt', status: 'skipped' },
      ],
    });
    expect(connected).not.toContain('connected');
    server.close();
  });
});
