import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { resolve } from 'node:path';

/** What one process at a time may have. The kernel gives it back when the process ends, however it ends. */
export interface ProcessLock {
  /** Null: another has it. The result gives it back. @throws errors of the system */
  acquire(): Promise<(() => void) | null>;
}

/**
 * A lock for a path, which need not exist: the name of an abstract Unix socket (unix(7)), so that nothing is left of a process that was killed.
 * It is advisory, and any local user may take it: it orders programs that behave, and guards nothing.
 */
export function createProcessLock(path: string): ProcessLock {
  const name = `\0hub-agent-lock-${createHash('sha256').update(resolve(path)).digest('hex').slice(0, 32)}`;
  return {
    acquire() {
      const { promise, resolve: settle, reject } = Promise.withResolvers<(() => void) | null>();
      const server = createServer((socket) => socket.destroy());
      // Every one, also after the lock is held: a connection that cannot be accepted ends nothing.
      server.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? settle(null) : reject(error)));
      server.listen(name, () => settle(() => void server.close()));
      // A process that is done does not stay for its lock.
      server.unref();
      return promise;
    },
  };
}
