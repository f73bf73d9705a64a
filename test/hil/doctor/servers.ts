import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import type { Credentials, Pki } from '../../twins/pki/types.ts';
import type { Rig } from '../rig/rig.ts';

/** A server in the place of the cloud, whose authority `ca.pem` then trusts. Serves one connection. */
export async function tlsServer(rig: Rig, etc: string, pki: Pki, { certificate, privateKey }: Credentials): Promise<void> {
  const server = createTlsServer({ cert: certificate, key: privateKey }, (socket) => socket.on('error', () => {}));
  server.on('tlsClientError', () => {});
  server.once('connection', () => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const cloud = { endpoint: rig.iotCore.host, port, caPath: 'ca.pem' };
  await writeFile(join(etc, 'ca.pem'), pki.caCertificate);
  await writeFile(join(etc, 'agent.json'), JSON.stringify({ cloud, local: { socketPath: '../control.sock' } }));
}

/** A port that drops what comes, as a firewall does: its queue is full, and nobody takes from it (listen(2)). */
export async function blackHole(): Promise<{ port: number } & AsyncDisposable> {
  const code = `const s = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = Number(await new Promise((resolve) => child.stdout.once('data', resolve)));
  child.kill('SIGSTOP');
  const fill = Array.from({ length: 2 }, () => connect(port, '127.0.0.1'));
  await Promise.all(fill.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of fill) socket.on('error', () => {}).destroy();
      child.kill('SIGKILL');
    },
  };
}
