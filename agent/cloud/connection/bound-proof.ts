import { isIP, type TcpNetConnectOpts } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import { MQTT_TLS, type TlsCredentials } from '../../contract/tls.ts';
import { HubError, messageOf } from '../../system/errors.ts';
import type { Guard } from '../../system/guard.ts';
import { createMqttSession, type MqttAnswer } from '../../system/mqtt-session.ts';
import type { Target, Will } from './transport.ts';

const KEEP_ALIVE_SECONDS = 60;
/** MQTT 5, section 3.14.2.1. */
const DISCONNECT_WITH_WILL = 0x04;

export interface BoundProofOptions {
  target: Target;
  clientId: string;
  tls: TlsCredentials;
  /** The address of the interface to prove. */
  localAddress: string;
  /** Published with QoS 1; its PUBACK is the proof. */
  publish: { topic: string; payload: string; retain: boolean };
  /** Rejects the publish when the session ends, in any way: no other part does it. */
  will: Will;
  guard: Guard;
}

/**
 * Proves that the cloud can be reached from one local address: an MQTT 5 session of its own with an acknowledged publish. For a hub whose own
 * session goes over another network (Ethernet) while Wi-Fi changes; the SDK's client cannot be bound to an address (aws-crt 1.33).
 * No other session with this client id may stand. @throws HubError `cloud_unreachable`, `aborted`.
 */
export async function proveFromAddress(options: BoundProofOptions, signal: AbortSignal): Promise<void> {
  const { host, port } = options.target;
  // `tls.connect` hands its options on to `net.connect` (Node's documentation); the types do not say so.
  const tlsOptions: ConnectionOptions & TcpNetConnectOpts = {
    host,
    port,
    localAddress: options.localAddress,
    // A name may have addresses of both versions, and only those of the bound one can be reached from it.
    family: isIP(options.localAddress),
    cert: options.tls.certificate,
    key: options.tls.privateKey.reveal(),
    ca: options.tls.authorities,
    ...MQTT_TLS,
  };
  const socket = connect(tlsOptions);
  const session = createMqttSession(socket, options.guard);
  const onAbort = options.guard('bound proof', () => socket.destroy());
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  /** @throws HubError unless the answer is yes. */
  const expectDone = (what: string, answer: MqttAnswer) => {
    if (signal.aborted) throw new HubError('aborted', 'The proof was ended.', { cause: signal.reason });
    const why = refusalOf(what, answer);
    if (why !== null) throw new HubError('cloud_unreachable', `From ${options.localAddress}: ${why}.`);
  };
  try {
    // Nothing is sent to a server before its certificate is checked; without a handshake the session reports the reason.
    await new Promise<void>((resolve) => {
      socket.once('secureConnect', resolve);
      socket.once('close', () => resolve());
    });
    const { clientId, will, publish } = options;
    const keepAliveSeconds = KEEP_ALIVE_SECONDS;
    expectDone('session', await session.connect({ clientId, keepAliveSeconds, will: { ...will, retain: true } }));
    expectDone('publish', await session.publish(publish));
    await session.end(DISCONNECT_WITH_WILL);
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

function refusalOf(what: string, answer: MqttAnswer): string | null {
  if (answer.kind === 'done') return null;
  if (answer.kind === 'refused') return `the cloud refused the ${what} (0x${answer.reason.toString(16)})`;
  if (answer.reason !== null) return `the cloud ended the session (0x${answer.reason.toString(16)})`;
  return answer.error === null ? 'the connection was closed' : messageOf(answer.error);
}
