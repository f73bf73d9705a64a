import type { ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import type { Guard } from '../system/guard.ts';

/** What a connection is worth when another one comes. */
type Stage =
  /** No request of it is complete. */
  | 'silent'
  /** It is being answered. */
  | 'served'
  /** It has its whole answer, and only needs to read it. */
  | 'answered';

/** Says how far a connection is. */
export interface Connections {
  /** The request that it sent is complete. */
  served(socket: Socket, response: ServerResponse): void;
}

/**
 * Bounds the connections of a server so that no client locks others out: beyond `max` the oldest that is not being answered goes, and the new
 * one is refused only when all are being answered. Those are bounded by what they do: followers, tracers, commands.
 */
export function boundConnections(server: Server, max: number, guard: Guard): Connections {
  /** In the order in which they came. */
  const open = new Map<Socket, Stage>();

  const onConnection = guard('control connection', (socket: Socket) => {
    if (open.size >= max) {
      const idle = [...open].find(([, stage]) => stage !== 'served');
      if (!idle) return void socket.destroy();
      open.delete(idle[0]);
      idle[0].destroy();
    }
    open.set(socket, 'silent');
    socket.once(
      'close',
      guard('control connection', () => open.delete(socket)),
    );
  });
  server.on('connection', onConnection);

  return {
    served(socket, response) {
      if (!open.has(socket)) return;
      open.set(socket, 'served');
      // Ended, not finished: a client that does not read its answer keeps it from finishing.
      response.once(
        'prefinish',
        guard('control connection', () => open.has(socket) && open.set(socket, 'answered')),
      );
    },
  };
}
