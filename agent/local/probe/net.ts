import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { MQTT_ALPN } from '../../contract/endpoint.ts';

/** A step of the way to the cloud: how long it took, or why it failed. Times are milliseconds. */
export type Step<T> = { ok: true; value: T; ms: number } | { ok: false; code: string; message: string; ms: number };

/** Each step alone; a person waits. */
export const STEP_TIMEOUT_MS = 4_000;

async function timed<T>(work: (signal: AbortSignal) => Promise<T>): Promise<Step<T>> {
  const startMs = performance.now();
  const elapsed = () => Math.round((performance.now() - startMs) * 10) / 10;
  const timeout = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      timeout.abort();
      reject(Object.assign(new Error(`no answer within ${STEP_TIMEOUT_MS / 1000} s`), { code: 'ETIMEDOUT' }));
    }, STEP_TIMEOUT_MS);
  });
  try {
    return { ok: true, value: await Promise.race([work(timeout.signal), late]), ms: elapsed() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { ok: false, code: code ?? 'UNKNOWN', message, ms: elapsed() };
  } finally {
    clearTimeout(timer);
  }
}

/** The addresses of a name, as the agent would get them; an address is its own answer. */
export function resolveName(host: string): Promise<Step<string[]>> {
  return timed(async () => (isIP(host) ? [host] : (await lookup(host, { all: true })).map(({ address }) => address)));
}

/** Before the next address of a name is tried beside one that is silent. */
const NEXT_ADDRESS_MS = 500;

/** To the first of the addresses that answers. Opens and closes nothing else: the caller ends the socket. */
export function openTcp(addresses: readonly string[], port: number): Promise<Step<Socket>> {
  const known = addresses.map((address) => ({ address, family: isIP(address) }));
  return timed(
    (signal) =>
      new Promise<Socket>((resolve, reject) => {
        const socket = connect({
          // A name, so that the addresses are asked for; they are known already.
          host: 'resolved',
          lookup: (_host, _options, found) => found(null, known),
          port,
          signal,
          autoSelectFamily: true,
          autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS,
        });
        socket.once('connect', () => {
          socket.removeAllListeners('error');
          socket.on('error', () => {});
          resolve(socket);
        });
        socket.once('error', reject);
      }),
  );
}

export interface TlsFiles {
  certificate: Buffer;
  privateKey: Buffer;
  ca: Buffer;
}

/** Mutual TLS over an open connection, checked as the agent does. The caller ends the socket. */
export function openTls(socket: Socket, host: string, files: TlsFiles): Promise<Step<TLSSocket>> {
  return timed(
    () =>
      new Promise<TLSSocket>((resolve, reject) => {
        const tls = connectTls({
          socket,
          ...(isIP(host) ? { host } : { servername: host }),
          ca: files.ca,
          cert: files.certificate,
          key: files.privateKey,
          ALPNProtocols: [MQTT_ALPN],
          minVersion: 'TLSv1.2',
        });
        tls.once('secureConnect', () => {
          tls.removeAllListeners('error');
          tls.on('error', () => {});
          resolve(tls);
        });
        tls.once('error', reject);
        const cut = () => reject(Object.assign(new Error('the server closed the connection in the handshake'), { code: 'ECONNRESET' }));
        tls.once('close', cut);
        if (socket.readableEnded || socket.destroyed) cut();
        else socket.once('close', cut);
      }),
  );
}
