import type { ChildProcess } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { isAlive } from '../../scripts/processes.ts';
import { type Air, createAir } from './air.ts';
import { type Channel, createChannel } from './channel.ts';
import { createEvidence, type Evidence } from './evidence.ts';
import { createGuest, type Guest, quoted } from './guest.ts';
import { type MachineFiles, RUN_FILES, startMachine } from './qemu.ts';
import { connectWhenThere, createQmp, type Qmp } from './qmp.ts';
import { createSerialPorts, type SerialPorts } from './serial.ts';

/** What the guest says about its time; all in milliseconds. */
export interface GuestClock {
  /** Time of day in the guest. */
  nowMs: number;
  /** Since the guest's boot. */
  uptimeMs: number;
  /** Guest's time of day minus the host's, give or take the channel's delay. */
  offsetMs: number;
}

/** A Debian machine with real systemd, NetworkManager, radios and serial ports. One start, one stop. */
export interface VirtualHub extends Guest {
  /** Boots (or restores) and waits until commands are answered. The clock is the host's. */
  start(): Promise<void>;
  /** Ends the machine and removes all it left. Never throws; may be called at any time. */
  stop(): Promise<void>;
  /** Resolves when the machine ended, however that came. */
  readonly ended: Promise<void>;
  /** Holds sockets and logs while the machine runs. */
  readonly runFolder: string;
  readonly air: Air;
  readonly serial: SerialPorts;
  readonly evidence: Evidence;
  /** Takes the power at once: what the guest had not written out is lost. It runs no command until `plugCord`. */
  pullCord(): Promise<void>;
  /** Gives the power back, and waits for the guest to answer. */
  plugCord(): Promise<void>;
  /** Takes the power at once, gives it back after `offMs`, and waits for the guest to answer. What the guest had not written out is lost. */
  powerCut(offMs?: number): Promise<void>;
  /** Copies a file or folder of the host to that path in the guest (owner root, modes kept); a folder is merged into one that is there. */
  copyIn(hostPath: string, guestPath: string): Promise<void>;
  clock(): Promise<GuestClock>;
  setClock(epochMs: number): Promise<void>;
  /** Freezes the guest and writes its memory to a file; the machine is of no use afterwards. */
  saveState(file: string): Promise<void>;
}

export interface VirtualHubOptions {
  machine: MachineFiles;
  /** How long a boot may take; under emulation on a busy machine it is long. */
  bootTimeoutMs?: number;
}

const BOOT_TIMEOUT_MS = 240_000;
const SOCKET_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;
const SAVE_TIMEOUT_MS = 120_000;
/** A capacitor's worth: long enough for peers to go on without the hub for a moment. */
const POWER_OFF_MS = 1_000;
const RUN_PREFIX = 'virtual-hub-';
const SHARE_MOUNT = '/run/virtual-hub/share';

/** Removes the run folders of processes that were killed. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(name.startsWith(RUN_PREFIX) ? name.slice(RUN_PREFIX.length).split('-')[0] : Number.NaN);
    if (Number.isInteger(pid) && !isAlive(pid)) await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}

/** A virtual hub; nothing is opened before `start`. */
export function createVirtualHub(options: VirtualHubOptions): VirtualHub {
  const aborted = new AbortController();
  const end = Promise.withResolvers<void>();
  let runFolder = '';
  let machine: ChildProcess | null = null;
  let qmp: Qmp | null = null;
  let channel: Channel | null = null;
  let copies = 0;
  let hasPower = true;

  const monitor = (): Qmp => {
    if (!qmp) throw new Error('The virtual hub is not running');
    return qmp;
  };
  const guest = createGuest((script, commandOptions) => {
    if (!channel) throw new Error('The virtual hub is not running');
    if (!hasPower) throw new Error('The virtual hub has no power');
    return channel.run(script, commandOptions);
  });
  const waitReady = () => channel!.ready(options.bootTimeoutMs ?? BOOT_TIMEOUT_MS, aborted.signal);
  async function pullCord(): Promise<void> {
    await monitor().execute('stop');
    hasPower = false;
    channel!.forget('The virtual hub lost its power');
  }
  async function plugCord(): Promise<void> {
    await monitor().execute('system_reset');
    await monitor().execute('cont');
    hasPower = true;
    await waitReady();
  }
  const setClock = async (epochMs: number) => {
    await guest.must(`date -u -s @${(epochMs / 1000).toFixed(3)} > /dev/null`);
  };
  const serial = createSerialPorts({
    socket: (name) => connectWhenThere(join(runFolder, `${name}.sock`), SOCKET_TIMEOUT_MS, aborted.signal),
    execute: (command, args) => monitor().execute(command, args),
    guest,
  });

  return {
    ...guest,
    ended: end.promise,
    get runFolder() {
      return runFolder;
    },
    air: createAir(guest),
    serial,
    evidence: createEvidence({ guest, file: (name) => join(runFolder, RUN_FILES[name]) }),

    async start() {
      await removeLeftovers();
      runFolder = await mkdtemp(join(tmpdir(), `${RUN_PREFIX}${process.pid}-`));
      await mkdir(join(runFolder, RUN_FILES.share));
      machine = await startMachine(runFolder, options.machine);
      const over = () => {
        aborted.abort(new Error('QEMU has ended'));
        end.resolve();
      };
      machine.once('error', over);
      machine.once('exit', over);
      try {
        qmp = await createQmp(await connectWhenThere(join(runFolder, RUN_FILES.qmp), SOCKET_TIMEOUT_MS, aborted.signal));
        channel = createChannel(await connectWhenThere(join(runFolder, RUN_FILES.control), SOCKET_TIMEOUT_MS, aborted.signal));
        if (options.machine.state !== null) {
          await waitForStatus(qmp, ['paused', 'running'], SAVE_TIMEOUT_MS);
          await qmp.execute('cont');
        }
        await waitReady();
        if (options.machine.state !== null) await setClock(Date.now());
        // A machine that boots takes commands before its radios are in place.
        else await guest.must('systemctl start hub-air', { timeoutMs: options.bootTimeoutMs ?? BOOT_TIMEOUT_MS });
      } catch (error) {
        const words = await readFile(join(runFolder, RUN_FILES.errors), 'utf8').catch(() => '');
        throw new Error(`The virtual hub did not start: ${(error as Error).message} ${words.trim()}`.trim(), { cause: error });
      }
    },

    async stop() {
      aborted.abort(new Error('The virtual hub was stopped'));
      await serial.close();
      channel?.close();
      qmp?.close();
      if (machine && machine.exitCode === null && machine.signalCode === null && machine.pid !== undefined) {
        machine.kill('SIGKILL');
        const timer = setTimeout(end.resolve, STOP_TIMEOUT_MS);
        await end.promise;
        clearTimeout(timer);
      }
      if (runFolder !== '') await rm(runFolder, { recursive: true, force: true });
    },

    pullCord,
    plugCord,

    async powerCut(offMs = POWER_OFF_MS) {
      await pullCord();
      await new Promise((resolve) => setTimeout(resolve, offMs));
      await plugCord();
    },

    async copyIn(hostPath, guestPath) {
      const name = `${++copies}-${basename(hostPath)}`;
      const shared = join(runFolder, RUN_FILES.share, name);
      await cp(hostPath, shared, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
      try {
        // Plugged in at the first use: a saved state cannot hold it.
        if (copies === 1)
          await monitor().execute('device_add', { driver: 'virtio-9p-pci', fsdev: 'share', mount_tag: 'share', id: 'share' });
        const mount = `mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,ro share ${SHARE_MOUNT}`;
        await guest.must(
          [
            `mkdir -p ${SHARE_MOUNT}`,
            `tries=0; until mountpoint -q ${SHARE_MOUNT} || ${mount} 2> /dev/null; do`,
            '  tries=$((tries + 1)); [ "$tries" -lt 100 ] || exit 1; sleep 0.1',
            'done',
            `cp -rT --preserve=mode,timestamps,links ${quoted(`${SHARE_MOUNT}/${name}`)} ${quoted(guestPath)}`,
          ].join('\n'),
          { timeoutMs: 120_000 },
        );
      } finally {
        await rm(shared, { recursive: true, force: true });
      }
    },

    async clock() {
      const [seconds = '', uptime = ''] = (await guest.must('date +%s.%N; cut -d" " -f1 /proc/uptime')).split('\n');
      const nowMs = Number(seconds) * 1000;
      return { nowMs, uptimeMs: Number(uptime) * 1000, offsetMs: nowMs - Date.now() };
    },

    setClock,

    async saveState(file) {
      await guest.must('sync');
      await monitor().execute('stop');
      await monitor().execute('migrate', { uri: `exec:cat > '${file}'` });
      await waitForStatus(monitor(), ['postmigrate'], SAVE_TIMEOUT_MS);
    },
  };
}

async function waitForStatus(qmp: Qmp, wanted: string[], timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const { status } = (await qmp.execute('query-status')) as { status: string };
    if (wanted.includes(status)) return;
    if (performance.now() > deadline) throw new Error(`The machine is ${status}, not ${wanted.join(' or ')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
