import { extname, join } from 'node:path';
import type { NodeWifiNetwork } from 'node-wifi';
import type { Guard } from '../../system/guard.ts';

/** node-wifi's scan as a port. */
export interface NodeWifiPort {
  /** What nmcli lists; it scans first when its list is over 30 s old. Rejects when it could not, and when `signal` aborts. */
  scan(signal: AbortSignal): Promise<NodeWifiNetwork[]>;
}

/** A street of flats shows some hundred access points. */
const MAX_ROWS = 512;
/** nmcli's output is at most 1 MB (`execFile`), a few times that as objects. */
const MEMORY_MEGABYTES = 32;

const MODES: readonly unknown[] = ['Infra', 'Ad-Hoc', 'Mesh', 'N/A'];
const BSSID = /^[0-9A-F]{2}(?::[0-9A-F]{2}){5}$/;

/** True for a row that comes from one whole line: a line feed in a name cuts a line in two, and node-wifi reads each part as one. */
function isWhole(row: unknown): row is NodeWifiNetwork {
  const { ssid, bssid, mode, signal_level: level, security, security_flags: flags } = (row ?? {}) as Record<string, unknown>;
  const { wpa, rsn } = (flags ?? {}) as Record<string, unknown>;
  const texts = [ssid, security, wpa, rsn].every((each) => typeof each === 'string');
  return texts && typeof level === 'number' && typeof bssid === 'string' && BSSID.test(bssid) && MODES.includes(mode);
}

/** The rows that can be trusted to be rows, at most 512. `message`: what came out of node-wifi. */
export function wholeRows(message: unknown): NodeWifiNetwork[] {
  return (Array.isArray(message) ? message : []).filter(isWhole).slice(0, MAX_ROWS);
}

/**
 * The real node-wifi in a thread of its own. It reads nmcli's output in a callback of `execFile`, outside every promise: what it throws there
 * ends the thread, and the process around it goes on. node-wifi also sets LANG and LC_ALL; a thread has an environment of its own.
 */
export function createNodeWifi(interfaceName: string | null, guard: Guard): NodeWifiPort {
  return {
    scan: (signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        // Loaded here: a start has no use for it.
        const { Worker } = process.getBuiltinModule('node:worker_threads');
        // The bundle has the thread's program beside its own, with the same ending.
        const program = join(import.meta.dirname, `node-wifi-worker${extname(import.meta.filename)}`);
        const worker = new Worker(program, {
          workerData: { interfaceName },
          resourceLimits: { maxOldGenerationSizeMb: MEMORY_MEGABYTES },
          execArgv: [],
          stdout: true,
          stderr: true,
        });
        const on = <A extends unknown[]>(run: (...args: A) => void) => guard('node-wifi', run);
        const end = () => {
          signal.removeEventListener('abort', onAbort);
          worker.terminate().catch(() => {});
        };
        const fail = on(() => {
          end();
          reject(new Error('node-wifi could not survey'));
        });
        function onAbort() {
          fail();
        }
        signal.addEventListener('abort', onAbort, { once: true });
        // Should it throw, the thread is ended and `exit` rejects.
        const onRows = on((rows: unknown) => {
          end();
          resolve(wholeRows(rows));
        });
        worker.once('message', onRows);
        worker.once('messageerror', fail);
        worker.on('error', fail);
        worker.once('exit', fail);
      }),
  };
}
