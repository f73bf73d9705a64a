import type { Socket } from 'node:net';
import { MQTT_PORT, MQTT_PORT_443 } from '../../contract/endpoint.ts';
import { reachFinding } from '../../health/reach.ts';
import type { MonotonicClock } from '../../system/clock.ts';
import type { Files } from '../../system/files.ts';
import { bad, type Connectivity, type ConnectivityStep, good, type Settings, type TlsMaterial } from '../doctor/check.ts';
import { type Destination, explainDns, explainNoRoute, explainTcp, explainTls, isUnreachable } from './explain.ts';
import { openTcp, openTls, resolveName } from './net.ts';
import { isWithoutRoute } from './routes.ts';
import { checkSession } from './session-check.ts';

type Reader = Pick<Files, 'read'>;

async function dnsFault(files: Reader, code: string, host: string) {
  return (await isWithoutRoute(files)) ? explainNoRoute(`${host} cannot be resolved`) : explainDns(code, host);
}

async function tcpFault(files: Reader, code: string, to: Destination) {
  return isUnreachable(code) && (await isWithoutRoute(files)) ? explainNoRoute(`${to.host} cannot be reached`) : explainTcp(code, to);
}

async function tcpStep(
  { clock, files }: { clock: MonotonicClock; files: Reader },
  addresses: string[],
  to: Destination,
): Promise<{ step: ConnectivityStep; socket: Socket | null }> {
  const opened = await openTcp(clock, addresses, to.port);
  if (opened.ok) return { step: good(opened.ms, `port ${to.port} is open`), socket: opened.value };
  return { step: bad(opened.ms, await tcpFault(files, opened.code, to)), socket: null };
}

/** The port to look at beside the configured one. Where the agent goes to no second one, AWS IoT's other one may still be the way out. */
function secondPort({ port, fallbackPort }: Settings): { port: number; used: boolean } | null {
  if (fallbackPort !== null) return { port: fallbackPort, used: true };
  const other = port === MQTT_PORT ? MQTT_PORT_443 : port === MQTT_PORT_443 ? MQTT_PORT : null;
  return other === null ? null : { port: other, used: false };
}

/** How far a connection to the cloud comes. When `session` answers true, as far as MQTT, which ends a session of the same identity elsewhere. */
export async function checkConnectivity(
  settings: Settings,
  options: {
    clock: MonotonicClock;
    files: Reader;
    session: () => Promise<boolean>;
    tlsMaterial: () => Promise<TlsMaterial>;
    topics: boolean;
    otherPort: boolean;
  },
): Promise<Connectivity> {
  const connectivity: Connectivity = { dns: null, tcp: null, otherPort: null, tls: null, connack: null, puback: null, topics: null };
  const { endpoint, port, fallbackPort } = settings;
  const { clock, files } = options;
  if (endpoint === null) return connectivity;
  const resolved = await resolveName(clock, endpoint);
  if (!resolved.ok) {
    connectivity.dns = bad(resolved.ms, await dnsFault(files, resolved.code, endpoint));
    return connectivity;
  }
  const addresses = resolved.value;
  connectivity.dns = good(resolved.ms, `${endpoint} is ${addresses.slice(0, 2).join(', ')}`);

  const to = (number: number): Destination => ({ host: endpoint, port: number, fallbackPort });
  const other = options.otherPort ? secondPort(settings) : null;
  const looked = other && tcpStep(options, addresses, to(other.port));
  const { step, socket } = await tcpStep(options, addresses, to(port));
  connectivity.tcp = step;
  const alternative = await looked;
  alternative?.socket?.destroy();
  if (alternative) connectivity.otherPort = { ...alternative.step, ...other! };
  // Like the agent, which then goes over its second port.
  const usedPort = socket || !other?.used ? port : other.port;
  const usable = socket ?? (connectivity.otherPort?.ok && other!.used ? (await tcpStep(options, addresses, to(usedPort))).socket : null);
  if (!usable) return connectivity;

  const { credentials, fault } = await options.tlsMaterial();
  if (!credentials) {
    usable.destroy();
    if (fault) connectivity.tls = bad(0, reachFinding('tls_files', fault));
    return connectivity;
  }
  const secured = await openTls(clock, usable, endpoint, credentials);
  if (!secured.ok) {
    usable.destroy();
    connectivity.tls = bad(secured.ms, explainTls(secured.code, secured.message, to(usedPort)));
    return connectivity;
  }
  const { socket: first, refusal } = secured.value;
  // Asked before the session, which may take a while: after that the server may have closed, and its alert is lost.
  const refused = await refusal;
  if (refused?.code?.startsWith('ERR_SSL')) {
    first.destroy();
    connectivity.tls = bad(secured.ms, explainTls(refused.code, refused.message, to(usedPort)));
    return connectivity;
  }
  connectivity.tls = good(secured.ms, `${first.getProtocol()} with the certificate of the hub`);
  if (settings.thingName === null || !(await options.session())) {
    first.destroy();
    return connectivity;
  }
  /** The same connection once more. */
  async function again() {
    const tcp = await openTcp(clock, addresses, usedPort);
    if (!tcp.ok) return null;
    const tls = await openTls(clock, tcp.value, endpoint!, credentials!);
    if (!tls.ok) tcp.value.destroy();
    return tls.ok ? tls.value.socket : null;
  }
  await checkSession(connectivity, settings, { clock, to: to(usedPort), first, again, topics: options.topics });
  return connectivity;
}
