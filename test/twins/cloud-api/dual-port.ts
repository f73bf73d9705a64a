import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Credentials } from '../pki/types.ts';

/** The content type of a TLS handshake record (RFC 8446, section 5.1): no HTTP method starts with this byte. */
const TLS_HANDSHAKE = 0x16;

/** A connection on which nothing moves is closed; longer than any client's pause between requests in a test. */
const IDLE_TIMEOUT_MS = 30_000;

/** One listening port for plain HTTP and for TLS. */
export interface DualPort {
  /** Null while it does not listen. */
  port(): number | null;
  /** @throws Error when the address is taken. */
  start(): Promise<void>;
  /** Resets every connection and frees the port. */
  stop(): Promise<void>;
}

/**
 * Looks at the first byte of each connection and hands it to the HTTP or the HTTPS server: a client that insists on TLS and one that was
 * given an `http://` address work on the same port. Without credentials TLS connections are closed.
 */
export function createDualPort(options: { host: string; port: number; tls?: Credentials; listener: RequestListener }): DualPort {
  const http = createHttpServer(options.listener);
  const https = options.tls && createHttpsServer({ cert: options.tls.certificate, key: options.tls.privateKey }, options.listener);
  const sockets = new Set<Socket>();
  // These two never listen themselves, so Node's own request deadlines do not run; the socket's idle time bounds them.
  for (const server of [http, https]) if (server) server.timeout = IDLE_TIMEOUT_MS;

  const entrance = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(IDLE_TIMEOUT_MS, () => socket.destroy());
    socket.once('readable', () => {
      const first: Buffer | null = socket.read(1);
      const server = first?.[0] === TLS_HANDSHAKE ? https : http;
      if (first && server) {
        socket.unshift(first);
        server.emit('connection', socket);
      } else {
        socket.destroy();
      }
    });
  });

  return {
    port: () => (entrance.listening ? (entrance.address() as AddressInfo).port : null),

    async start() {
      entrance.listen(options.port, options.host);
      await once(entrance, 'listening');
    },

    async stop() {
      if (!entrance.listening) return;
      const closed = once(entrance, 'close');
      entrance.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
