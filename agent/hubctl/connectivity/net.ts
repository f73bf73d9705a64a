import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { MQTT_TLS, type TlsCredentials } from '../../contract/tls.ts';
import type { MonotonicClock } from '../../system/clock.ts';
import { within } from '../../system/timeout.ts';
import { lookupApart } from './lookup.ts';

/** A step of the way to the cloud: how long it took, or why it failed. Times are milliseconds. */
export type Step<T> = { ok: true; value: T; ms: number } | { ok: false; code: string; message: string; ms: number };

/** Each step alone; a person waits. */
const STEP_TIMEOUT_MS = 4_000;

async function timed<T>(clock: MonotonicClock, work: (signal: AbortSignal) => Promise<T>): Promise<Step<T>> {
  const startMs = clock.nowMs();
  const elapsed = () => Math.round((clock.nowMs() - startMs) * 10) / 10;
  const late = (): never => {
    throw Object.assign(new Error(`no answer within ${STEP_TIMEOUT_MS / 1000} s`), { code: 'ETIMEDOUT' });
  };
  try {
    return { ok: true, value: await within(clock, STEP_TIMEOUT_MS, work, late), ms: elapsed() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { ok: false, code: code ?? 'UNKNOWN', message, ms: elapsed() };
  }
}

/** The addresses of a name, as the agent would get them; an address is its own answer. */
export async function resolveName(clock: MonotonicClock, host: string): Promise<Step<string[]>> {
  if (isIP(host)) return { ok: true, value: [host], ms: 0 };
  const step = await timed(clock, (signal) => lookupApart(host, signal));
  return step.ok ? { ok: true, value: step.value.addresses, ms: Math.round(step.value.ms * 10) / 10 } : step;
}

/** Before the next address of a name is tried beside one that is silent. */
const NEXT_ADDRESS_MS = 500;

/** The least telling error comes last: of several addresses one may have no route, such as IPv6 at many sites. */
const TELLING = ['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ETIMEDOUT', 'ENETUNREACH', 'EADDRNOTAVAIL'];
const rank = (code: string) => (TELLING.includes(code) ? TELLING.indexOf(code) : TELLING.indexOf('ETIMEDOUT') - 0.5);

/** The most telling error among the addresses of a name: a refusal before silence. */
export function mostTelling(codes: readonly string[]): string | null {
  return codes.toSorted((one, other) => rank(one) - rank(other))[0] ?? null;
}

/** To the first of the addresses that answers. Opens and closes nothing else: the caller ends the socket. */
export async function openTcp(clock: MonotonicClock, addresses: readonly string[], port: number): Promise<Step<Socket>> {
  const known = addresses.map((address) => ({ address, family: isIP(address) }));
  const failed: string[] = [];
  const step = await timed(
    clock,
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
        socket.on('connectionAttemptFailed', (_address, _port, _family, error: NodeJS.ErrnoException) =>
          failed.push(error.code ?? 'UNKNOWN'),
        );
        socket.once('connect', () => {
          socket.removeAllListeners('error');
          socket.on('error', () => {});
          resolve(socket);
        });
        socket.once('error', reject);
      }),
  );
  return step.ok ? step : { ...step, code: mostTelling([...failed, step.code])! };
}

/** A TLS connection, and the server's answer to our certificate after the handshake. */
export interface Secured {
  socket: TLSSocket;
  /** Its refusal; null when it took the certificate, or is silent for a while. Never rejects. */
  refusal: Promise<NodeJS.ErrnoException | null>;
}

/** A server on the other side of the world has answered by then. */
const REFUSAL_MS = 500;

/**
 * In TLS 1.3 the handshake is over for the client before the server has validated the client's certificate (RFC 8446, section 2): its refusal is an
 * alert that may come later, as an `error` event that is not kept in `errored`. Its session ticket is an acceptance; not every server sends one.
 */
function refusalOf(clock: MonotonicClock, socket: TLSSocket): Promise<NodeJS.ErrnoException | null> {
  const said = Promise.withResolvers<NodeJS.ErrnoException | null>();
  // Stays, so that no later error goes unhandled.
  socket.on('error', said.resolve);
  const accept = () => said.resolve(null);
  if (socket.getProtocol() !== 'TLSv1.3') accept();
  // The event comes from inside OpenSSL's read: data written there at once (as a promise does) is never sent.
  socket.once('session', () => clock.schedule(0, accept));
  socket.once('close', accept);
  return within(clock, REFUSAL_MS, said.promise, () => null);
}

/** Mutual TLS over an open connection, checked as the agent does. The caller ends the socket. */
export function openTls(clock: MonotonicClock, socket: Socket, host: string, credentials: TlsCredentials): Promise<Step<Secured>> {
  return timed(
    clock,
    () =>
      new Promise<Secured>((resolve, reject) => {
        const tls = connectTls({
          socket,
          ...(isIP(host) ? { host } : { servername: host }),
          ca: credentials.authorities,
          cert: credentials.certificate,
          key: credentials.privateKey.reveal(),
          ...MQTT_TLS,
        });
        tls.once('error', reject);
        tls.once('secureConnect', () => {
          tls.removeListener('error', reject);
          resolve({ socket: tls, refusal: refusalOf(clock, tls) });
        });
        const cut = () => reject(Object.assign(new Error('the server closed the connection in the handshake'), { code: 'ECONNRESET' }));
        tls.once('close', cut);
        if (socket.readableEnded || socket.destroyed) cut();
        else socket.once('close', cut);
      }),
  );
}
