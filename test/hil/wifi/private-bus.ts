import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** True where `dbus-daemon` is installed (Debian: dbus, dbus-daemon). */
export function hasDbusDaemon(): boolean {
  return spawnSync('dbus-daemon', ['--version'], { stdio: 'ignore' }).status === 0;
}

export interface PrivateBus {
  address: string;
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
  const daemon: ChildProcess = spawn('dbus-daemon', ['--nofork', '--nopidfile', '--print-address', `--config-file=${config}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exited = once(daemon, 'exit');
  await Promise.race([once(daemon.stdout!, 'data'), exited]);
  return {
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
