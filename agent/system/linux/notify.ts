import { messageOf } from '../errors.ts';
import type { Guard } from '../guard.ts';
import type { Log } from '../log.ts';

/** Tells the service manager how the service is (sd_notify(3)). Never throws, never waits. */
export interface Notify {
  /** The local services are up. The cloud need not be. */
  ready(): void;
  stopping(): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  /** The watchdog's sign of life. */
  alive(): void;
  /** The watchdog's period, or null when none is asked for. */
  readonly watchdogMs: number | null;
}

/** A helper that hangs must not pile up behind the next one. */
const HELPER_TIMEOUT_MS = 5_000;

/**
 * Through the `systemd-notify` program: Node has no datagram Unix sockets. The unit needs `NotifyAccess=all`. Without `NOTIFY_SOCKET`
 * (a start by hand, a test) nothing is sent.
 */
export function createNotify(env: Readonly<Record<string, string | undefined>>, { log, guard }: { log: Log; guard: Guard }): Notify {
  const isService = env.NOTIFY_SOCKET !== undefined;
  const watchdogUsec = Number(env.WATCHDOG_USEC ?? 0);

  function send(...args: string[]): void {
    if (!isService) return;
    // Loaded here: the connection is under way by then.
    const { execFile } = process.getBuiltinModule('node:child_process');
    const onEnd = guard('systemd-notify', (error: Error | null) => {
      if (error) log.warn({ event: 'notify_failed', reason: messageOf(error) }, 'the service manager could not be notified');
    });
    execFile('systemd-notify', args, { timeout: HELPER_TIMEOUT_MS }, onEnd);
  }

  return {
    ready: () => send('--ready'),
    // As an option only from systemd 253 on; Debian 12 has 252.
    stopping: () => send('STOPPING=1'),
    status: (text) => send(`--status=${text}`),
    alive: () => send('WATCHDOG=1'),
    watchdogMs: isService && watchdogUsec > 0 ? watchdogUsec / 1000 : null,
  };
}
