import { isIP, type TcpNetConnectOpts } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { generate, type Packet, parser } from 'mqtt-packet';
import { MQTT_ALPN } from '../../contract/endpoint.ts';
import { HubError, messageOf } from '../../system/errors.ts';
import { readRegularFile } from '../../system/regular-file.ts';
import type { Target, Will } from './transport.ts';

const PUBLISH_ID = 1;
const KEEP_ALIVE_SECONDS = 60;
/** MQTT 5, section 3.14.2.1. */
const DISCONNECT_WITH_WILL = 0x04;

export interface BoundProofOptions {
  target: Target;
  clientId: string;
  certificatePath: string;
  privateKeyPath: string;
  caPath: string;
  /** The address of the interface to prove. */
  localAddress: string;
  /** Published with QoS 1; its PUBACK is the proof. */
  publish: { topic: string; payload: string; retain: boolean };
  /** What takes the publish back when the session ends, in whatever way: nobody else speaks for it. */
  will: Will;
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
    cert: await readRegularFile(options.certificatePath),
    key: await readRegularFile(options.privateKeyPath),
    ca: await readRegularFile(options.caPath),
    ALPNProtocols: [MQTT_ALPN],
  };
  const socket = connect(tlsOptions);
  try {
    await exchange(socket, options, signal);
  } finally {
    socket.destroy();
  }
}

function exchange(socket: TLSSocket, { clientId, publish, will, localAddress }: BoundProofOptions, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => end(() => reject(new HubError('aborted', 'The proof was ended.', { cause: signal.reason })));
    const fail = (why: string) => end(() => reject(new HubError('cloud_unreachable', `From ${localAddress}: ${why}.`)));
    function end(finish: () => void): void {
      signal.removeEventListener('abort', onAbort);
      finish();
    }
    const send = (packet: Packet) => socket.write(generate(packet, { protocolVersion: 5 }));
    const packets = parser({ protocolVersion: 5 });
    packets.on('error', (error) => fail(messageOf(error)));
    packets.on('packet', (packet) => {
      if (packet.cmd === 'connack') {
        if ((packet.reasonCode ?? 0) !== 0) return fail(`the cloud refused the session (0x${(packet.reasonCode ?? 0).toString(16)})`);
        send({ cmd: 'publish', messageId: PUBLISH_ID, qos: 1, dup: false, ...publish });
      } else if (packet.cmd === 'puback' && packet.messageId === PUBLISH_ID) {
        if ((packet.reasonCode ?? 0) >= 0x80) return fail(`the cloud refused the publish (0x${(packet.reasonCode ?? 0).toString(16)})`);
        send({ cmd: 'disconnect', reasonCode: DISCONNECT_WITH_WILL });
        socket.end(() => end(resolve));
      } else if (packet.cmd === 'disconnect') fail(`the cloud ended the session (0x${(packet.reasonCode ?? 0).toString(16)})`);
    });
    const lastWord = { topic: will.topic, payload: Buffer.from(will.payload), qos: 1 as const, retain: true };
    socket.on('secureConnect', () =>
      send({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 5,
        clientId,
        clean: true,
        keepalive: KEEP_ALIVE_SECONDS,
        will: lastWord,
      }),
    );
    socket.on('data', (bytes: Buffer) => packets.parse(bytes));
    socket.on('error', (error) => fail(messageOf(error)));
    socket.on('close', () => fail('the connection was closed'));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
