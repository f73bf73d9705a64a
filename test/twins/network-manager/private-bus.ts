import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** util-linux: the daemon dies with the process that started it, even when that one is killed. */
const SETPRIV = '/usr/bin/setpriv';

/** True where `dbus-daemon` is installed (Debian: dbus, dbus-daemon). */
export function hasDbusDaemon(): boolean {
  return spawnSync('dbus-daemon', ['--version'], { stdio: 'ignore' }).status === 0;
}

export interface PrivateBus {
  address: string;
  /** Its configuration and socket; gone after `stop`. */
  folder: string;
  /** Ends the daemon as a crash does. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** A message bus of our own in a temporary folder. */
export async function startPrivateBus(): Promise<PrivateBus> {
  const folder = await mkdtemp(join(tmpdir(), 'hub-bus-'));
  const socket = join(folder, 'bus');
  const config = join(folder, 'bus.conf');
  await writeFile(
    config,
    `<busconfig><type>session</type><listen>unix:path=${socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`,
  );
  const words = ['dbus-daemon', '--nofork', '--nopidfile', '--print-address', `--config-file=${config}`];
  const [program, ...args] = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', ...words] : words;
  // Its own session: a Ctrl-C in the terminal is for the program that started it.
  const daemon: ChildProcess = spawn(program!, args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  const killAtExit = () => daemon.kill('SIGKILL');
  process.once('exit', killAtExit);
  const exited = new Promise<void>((resolve) => {
    daemon.once('error', () => resolve()).once('exit', () => resolve());
  }).finally(() => process.removeListener('exit', killAtExit));
  await Promise.race([once(daemon.stdout!, 'data'), exited]);
  if (daemon.pid === undefined || daemon.exitCode !== null) {
    await rm(folder, { recursive: true, force: true });
    throw new Error('dbus-daemon did not start');
  }
  return {
    folder,
    address: `unix:path=${socket}`,
    async kill() {
      daemon.kill('SIGKILL');
      await exited;
    },
    async stop() {
      if (daemon.exitCode === null && daemon.signalCode === null) daemon.kill();
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
