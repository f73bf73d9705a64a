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
  issueClient(name: string): Promise<Credentials>;
  /** Writes credentials and authority as files, for a client that reads files. */
  files(name: string, credentials: Credentials): Promise<{ certificatePath: string; privateKeyPath: string; caPath: string }>;
}

export interface MosquittoOptions {
  /** The authority; default one of its own. */
  pki?: Pki;
  /** PEM of the certificates that it refuses although its authority signed them. */
  revocations?: string;
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

  async function start(): Promise<{ child: ChildProcess; port: number } | null> {
    const port = await freePort();
    const config = [
      `listener ${port} 127.0.0.1`,
      `cafile ${caPath}`,
      `certfile ${certPath}`,
      `keyfile ${keyPath}`,
      ...revocations,
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
      createInterface({ input: child.stderr! }).on('line', (line) => / running$/.test(line) && resolve(true));
      child.once('exit', () => resolve(false));
    });
    return (await running) ? { child, port } : null;
  }

  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const started = await start();
    if (!started) continue;
    const { child, port } = started;
    const killAtExit = () => child.kill('SIGKILL');
    process.once('exit', killAtExit);
    return {
      port,
      caCertificate: pki.caCertificate,
      issueClient: (name) => pki.issueClient(name),
      async files(name, { certificate, privateKey }) {
        return { certificatePath: await write(`${name}.pem`, certificate), privateKeyPath: await write(`${name}.key`, privateKey), caPath };
      },
      async [Symbol.asyncDispose]() {
        process.removeListener('exit', killAtExit);
        if (child.exitCode === null) {
          child.kill('SIGTERM');
          await once(child, 'exit');
        }
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
