import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createPki } from '../../twins/pki/pki.ts';
import type { Credentials, Pki } from '../../twins/pki/types.ts';

/** Debian's package puts it where only root's PATH leads. */
const PATHS = ['mosquitto', '/usr/sbin/mosquitto'];
/** Another process may take the port between its choice and the broker's start. */
const ATTEMPTS = 5;

/** The command, or null where Mosquitto is not installed. */
export function findMosquitto(): string | null {
  return PATHS.find((path) => spawnSync(path, ['-h'], { stdio: 'ignore' }).error === undefined) ?? null;
}

/** A Mosquitto of its own, which takes only clients with a certificate of its authority; all in one temporary folder. */
export interface Mosquitto extends AsyncDisposable {
  readonly port: number;
  readonly caCertificate: string;
  /** Topic filters that this client has asked for, by the broker's own log. */
  subscriptions(clientId: string): string[];
  /** Ends the broker, which drops everybody and forgets what is retained, and starts it again on the same port. */
  restart(): Promise<void>;
  issueClient(name: string): Promise<Credentials>;
  /** Writes credentials and authority as files, for a client that reads files. */
  files(name: string, credentials: Credentials): Promise<{ certificatePath: string; privateKeyPath: string; caPath: string }>;
}

export interface MosquittoOptions {
  /** The authority; default one of its own. */
  pki?: Pki;
  /** PEM of the certificates that it refuses although its authority signed them. */
  revocations?: string;
  /** Lines of its acl_file (mosquitto.conf(5)); default: everybody may do everything. */
  acl?: readonly string[];
}

export async function startMosquitto(command: string, options: MosquittoOptions = {}): Promise<Mosquitto> {
  const folder = await mkdtemp(join(tmpdir(), 'hub-mosquitto-'));
  const pki = options.pki ?? (await createPki());
  const server = await pki.issueServer(['127.0.0.1', 'localhost']);
  const write = async (name: string, text: string) => {
    const path = join(folder, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  const caPath = await write('ca.pem', pki.caCertificate);
  const certPath = await write('server.pem', server.certificate);
  const keyPath = await write('server.key', server.privateKey);
  const revocations = options.revocations === undefined ? [] : [`crlfile ${await write('revocations.pem', options.revocations)}`];

  const acl = options.acl ? [`acl_file ${await write('acl', `${options.acl.join('\n')}\n`)}`] : [];
  const asked = new Map<string, Set<string>>();

  /** `Received SUBSCRIBE from ID`, then a line for each filter: a tab, the filter and ` (QoS N)`. */
  let subscriber = '';
  function follow(line: string): void {
    const [, text = ''] = /^\d+: (.*)$/.exec(line) ?? [];
    const [, clientId] = /^Received SUBSCRIBE from (.+)$/.exec(text) ?? [];
    const [, filter] = /^\t(.+) \(QoS \d\)$/.exec(text) ?? [];
    if (clientId !== undefined) subscriber = clientId;
    if (filter === undefined) return;
    const filters = asked.get(subscriber) ?? new Set();
    asked.set(subscriber, filters.add(filter));
  }

  async function start(port: number): Promise<ChildProcess | null> {
    const config = [
      `listener ${port} 127.0.0.1`,
      `cafile ${caPath}`,
      `certfile ${certPath}`,
      `keyfile ${keyPath}`,
      ...revocations,
      ...acl,
      'require_certificate true',
      'use_identity_as_username true',
      'persistence false',
      'log_dest stderr',
      'log_type all',
      // It would otherwise leave root, and then could not read its files.
      ...(process.getuid?.() === 0 ? ['user root'] : []),
    ];
    const child = spawn(command, ['-c', await write('mosquitto.conf', `${config.join('\n')}\n`)], { stdio: ['ignore', 'ignore', 'pipe'] });
    const running = new Promise<boolean>((resolve) => {
      createInterface({ input: child.stderr! }).on('line', (line) => {
        follow(line);
        if (/ running$/.test(line)) resolve(true);
      });
      child.once('exit', () => resolve(false));
    });
    return (await running) ? child : null;
  }

  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = await freePort();
    const started = await start(port);
    if (!started) continue;
    let child = started;
    const killAtExit = () => child.kill('SIGKILL');
    const end = async () => {
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    };
    process.once('exit', killAtExit);
    return {
      port,
      caCertificate: pki.caCertificate,
      subscriptions: (clientId) => [...(asked.get(clientId) ?? [])],
      async restart() {
        await end();
        const again = await start(port);
        if (!again) throw new Error('Mosquitto does not start again');
        child = again;
      },
      issueClient: (name) => pki.issueClient(name),
      async files(name, { certificate, privateKey }) {
        return { certificatePath: await write(`${name}.pem`, certificate), privateKeyPath: await write(`${name}.key`, privateKey), caPath };
      },
      async [Symbol.asyncDispose]() {
        process.removeListener('exit', killAtExit);
        await end();
        await rm(folder, { recursive: true, force: true });
      },
    };
  }
  await rm(folder, { recursive: true, force: true });
  throw new Error('Mosquitto does not start');
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
