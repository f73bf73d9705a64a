import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAgentClient } from '../../agent/hubctl/cli/client.ts';
import { locate } from '../../agent/hubctl/cli/locate.ts';
import type { CheckResult } from '../../agent/hubctl/doctor/check.ts';
import { runDoctor } from '../../agent/hubctl/doctor/doctor.ts';
import { createFiles } from '../../agent/system/files.ts';
import { createPaths } from '../../agent/system/paths.ts';
import { createPki } from '../twins/pki/pki.ts';
import type { Credentials } from '../twins/pki/types.ts';
import { bareMachine } from '../unit/hubctl/bare-machine.ts';
import { findMosquitto, type Mosquitto, startMosquitto } from './mosquitto/broker.ts';

/** Set where the referee must not be missing. */
const REQUIRED = process.env.HUB_REQUIRE_MOSQUITTO === '1';
const COMMAND = findMosquitto();
const DAY_MS = 86_400_000;

if (COMMAND === null && !REQUIRED) process.stdout.write('skipped: certificates that Mosquitto refuses (apt-get install mosquitto)\n');

test.runIf(COMMAND === null && REQUIRED)('Mosquitto is installed', () => {
  throw new Error('HUB_REQUIRE_MOSQUITTO is set, and mosquitto is not installed (apt-get install mosquitto)');
});

/**
 * The server's no to a client certificate comes as a TLS alert after the client's handshake. The twin of AWS IoT cannot say it so: Node's TLS
 * server finishes each handshake and then closes without a word. OpenSSL's own servers, of which Mosquitto is one, send the alert.
 */
describe.runIf(COMMAND !== null)('a certificate that the broker refuses', () => {
  let broker: Mosquitto;
  const credentials = new Map<string, Credentials>();

  beforeAll(async () => {
    const [pki, stranger] = await Promise.all([createPki(), createPki()]);
    const yesterday = { notBefore: new Date(Date.now() - 2 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) };
    credentials.set('good', await pki.issueClient('hub'));
    credentials.set('of another authority', await stranger.issueClient('hub'));
    credentials.set('expired', await pki.issueClient('hub', yesterday));
    credentials.set('revoked', await pki.issueClient('hub'));
    broker = await startMosquitto(COMMAND!, { pki, revocations: await pki.revoke([credentials.get('revoked')!.certificate]) });
  });

  afterAll(async () => {
    await broker?.[Symbol.asyncDispose]();
  });

  /** What the doctor says of the way to the broker. Systemd takes `serviceMs` to say that there is no agent. */
  async function examine(kind: string, serviceMs: number): Promise<CheckResult[]> {
    const folder = await mkdtemp(join(tmpdir(), 'hub-refused-'));
    try {
      const files = await broker.files(`${kind.replaceAll(' ', '-')}-${serviceMs}`, credentials.get(kind)!);
      const { caPath, ...own } = files;
      const config = join(folder, 'agent.json');
      const identity = join(folder, 'identity.json');
      const cloud = { endpoint: '127.0.0.1', port: broker.port, caPath };
      await writeFile(config, JSON.stringify({ cloud, local: { socketPath: 'control.sock' } }));
      await writeFile(identity, JSON.stringify({ hubId: `hub-${serviceMs}`, ...own }));
      const places = await locate({ config, identity }, { env: {}, files: createFiles(), paths: createPaths() });
      const ports = {
        ...bareMachine(folder),
        service: async () => {
          await sleep(serviceMs);
          return null;
        },
        client: createAgentClient(places.socketPath),
        places,
      };
      return await runDoctor(ports, ['port', 'tls', 'mqtt'], () => {});
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  describe.each([0, 100])('when systemd takes %i ms', (serviceMs) => {
    test.each([
      ['of another authority', /does not accept the hub's certificate/, /ACTIVE/],
      ['expired', /hub's certificate has expired/, /--install-credentials/],
      ['revoked', /hub's certificate was revoked/, /--install-credentials/],
    ])('%s: a fault of TLS, not of MQTT', async (kind, finding, remedy) => {
      expect(await examine(kind, serviceMs)).toMatchObject([
        { check: 'port', status: 'ok' },
        { check: 'tls', status: 'fail', finding: expect.stringMatching(finding), remedy: expect.stringMatching(remedy) },
        { check: 'mqtt', status: 'skipped', finding: 'not reached' },
      ]);
    });

    test('good: no fault', async () => {
      expect(await examine('good', serviceMs)).toMatchObject([
        { check: 'port', status: 'ok' },
        { check: 'tls', status: 'ok' },
        { check: 'mqtt', status: 'ok', finding: expect.stringContaining('takes the connection') },
      ]);
    });
  });
});
