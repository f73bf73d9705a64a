import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A wire to a TCP port that can be cut, or go silent in both directions. */
export interface Wire extends AsyncDisposable {
  readonly port: number;
  /** Ends all connections with a reset. */
  cut(): void;
  /** From now on nothing passes any more on connections that stand; new ones are not touched. */
  silence(): void;
}

export async function createWire(targetPort: number): Promise<Wire> {
  const sockets = new Map<Socket, Socket>();
  const server = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.set(socket, other);
      socket.pipe(other);
      socket.on('error', () => {});
      socket.on('close', (hadError) => {
        sockets.delete(socket);
        // What was said before an orderly end still arrives.
        if (hadError) other.resetAndDestroy();
        else other.end();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets.keys()) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    silence() {
      for (const [socket, other] of sockets) {
        socket.unpipe(other);
        socket.pause();
      }
    },
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
