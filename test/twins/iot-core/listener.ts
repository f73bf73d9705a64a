import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import * as tls from 'node:tls';
import type { Credentials } from '../pki/types.ts';

/** AWS's ALPN name for MQTT with client certificates. */
export const ALPN_MQTT = 'x-amzn-mqtt-ca';

export interface ListenerOptions {
  host: string;
  credentials: Credentials;
  caCertificate: string;
  /** As AWS does on 443: a client without the ALPN name is turned away. */
  requireAlpn: boolean;
  /** The only version that it speaks, for a test; AWS IoT speaks 1.2 and 1.3. */
  onlyTls: tls.SecureVersion | undefined;
  /** `reset` ends the TCP connection below with an RST, which a TLS socket cannot do by itself. */
  onSocket(socket: tls.TLSSocket, reset: () => void): void;
  onRefused(reason: string): void;
  /** True while a firewall stands before the port. */
  isBlocked(): boolean;
}

/** An open TLS port. */
export interface Listener {
  readonly port: number;
  /** Ends connections that are still open, and frees the port. */
  close(): Promise<void>;
}

/** Listens with mutual TLS; `port` 0 takes a free one. */
export async function listen(port: number, options: ListenerOptions): Promise<Listener> {
  const server = tls.createServer({
    key: options.credentials.privateKey,
    cert: options.credentials.certificate,
    ca: options.caCertificate,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: options.onlyTls ?? 'TLSv1.2',
    maxVersion: options.onlyTls ?? 'TLSv1.3',
    // OpenSSL speaks what is older than 1.2 at this level only.
    ...((options.onlyTls === 'TLSv1' || options.onlyTls === 'TLSv1.1') && { ciphers: 'DEFAULT@SECLEVEL=0' }),
    noDelay: true,
    // Called only for clients that offer ALPN; undefined refuses them with a no_application_protocol alert.
    ALPNCallback: ({ protocols }) => (protocols.includes(ALPN_MQTT) ? ALPN_MQTT : undefined),
  });
  const tcpSockets = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    if (options.isBlocked()) return void socket.destroy();
    const peer = peerOf(socket);
    tcpSockets.set(peer, socket);
    socket.once('close', () => tcpSockets.delete(peer));
  });
  server.on('tlsClientError', (error) => options.onRefused(`TLS: ${error.message}`));
  server.on('secureConnection', (socket) => {
    if (options.requireAlpn && socket.alpnProtocol !== ALPN_MQTT) {
      options.onRefused(`no ALPN ${ALPN_MQTT}`);
      socket.destroy();
      return;
    }
    const tcpSocket = tcpSockets.get(peerOf(socket));
    options.onSocket(socket, () => {
      tcpSocket?.resetAndDestroy();
      socket.destroy();
    });
  });
  server.listen(port, options.host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of tcpSockets.values()) socket.destroy();
      await closed;
    },
  };
}

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
