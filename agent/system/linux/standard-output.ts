import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';

/**
 * A write on one of the process's standard descriptors that does not wait. Other processes may have the same open file and count on it to wait, so
 * it is opened a second time. That cannot be done with a socket, such as the journal's, which is made not to wait itself. A regular file never makes
 * a writer wait: it is written as it is, at the position that all its writers share.
 */
export function nonBlockingWrite(fd: 1 | 2): (bytes: Uint8Array) => number {
  const own = isRegularFile(fd) ? { fd } : (reopened(fd) ?? unblocked(fd));
  return (bytes) => writeSync(own.fd, bytes);
}

function isRegularFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

/** An open file of its own, or null where the kernel gives none (a socket, another user's terminal). */
function reopened(fd: number): { fd: number } | null {
  try {
    return { fd: openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY) };
  } catch {
    return null;
  }
}

/** The descriptor itself; libuv makes pipes and sockets non-blocking when it takes them. The socket is held: its end would close the descriptor. */
function unblocked(fd: number): { fd: number; socket?: Socket } {
  try {
    const socket = new Socket({ fd, readable: false, writable: true });
    socket.on('error', () => {});
    socket.unref();
    return { fd, socket };
  } catch {
    return { fd };
  }
}
