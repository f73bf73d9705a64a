import * as os from 'node:os';
import type { WallClock } from '../clock.ts';
import type { HostFacts, HostReport } from '../host.ts';
import { readClockSynchronized } from './host-clock.ts';
import { readInterfaces } from './host-network.ts';
import { createHostTree, diskOf, type HostTree, type KernelCalls, memoryBytes, numberIn, orNull, parseOsRelease } from './host-read.ts';

export interface HostFactsDeps {
  wallClock: WallClock;
  /** Its file system is the one that may fill up. */
  stateDirectory: string;
  /** Below it are etc, proc, run, sys, usr and var; `/` by default. */
  root?: string;
  kernel?: KernelCalls;
}

/** More sensors than a board has. */
const MAX_THERMAL_ZONES = 32;
/** What silicon can have and still answer; sensors that are switched off report values far outside. */
const PLAUSIBLE_CELSIUS = { min: -40, max: 150 };

async function readTemperature(tree: HostTree): Promise<number | null> {
  const names = (await tree.names('sys/class/thermal')) ?? [];
  const zones = names.filter((name) => name.startsWith('thermal_zone')).slice(0, MAX_THERMAL_ZONES);
  const texts = await Promise.all(zones.map((zone) => tree.text(`sys/class/thermal/${zone}/temp`)));
  const readings = texts
    .map((text) => (numberIn(text) ?? Number.NaN) / 1000)
    .filter((celsius) => celsius >= PLAUSIBLE_CELSIUS.min && celsius <= PLAUSIBLE_CELSIUS.max);
  return readings.length === 0 ? null : Math.round(Math.max(...readings) * 10) / 10;
}

async function readLoad(tree: HostTree, kernel: KernelCalls): Promise<[number, number, number] | null> {
  const fields = (await tree.text('proc/loadavg'))?.split(' ').map(numberIn) ?? orNull(() => kernel.loadavg()) ?? [];
  const [one, five, fifteen] = fields;
  if (one == null || five == null || fifteen == null) return null;
  const rounded = (load: number) => Math.round(load * 100) / 100;
  return [rounded(one), rounded(five), rounded(fifteen)];
}

async function readUptime(tree: HostTree, kernel: KernelCalls): Promise<number | null> {
  const seconds = numberIn((await tree.text('proc/uptime'))?.split(' ')[0]) ?? orNull(() => kernel.uptime());
  return seconds === null ? null : Math.floor(seconds);
}

const readOsRelease = async (tree: HostTree) => (await tree.text('etc/os-release')) ?? (await tree.text('usr/lib/os-release')) ?? '';

/** The facts of a Linux host, from /proc, /sys, /run and /etc. */
export function createHostFacts({ wallClock, stateDirectory, root = '/', kernel = os }: HostFactsDeps): HostFacts {
  const tree = createHostTree(root);
  const uptimeSeconds = () => readUptime(tree, kernel);
  const clockSynchronized = async () => readClockSynchronized(tree, wallClock, await uptimeSeconds());

  const bootId = () => tree.text('proc/sys/kernel/random/boot_id');

  return {
    bootId,
    uptimeSeconds,
    clockSynchronized,

    async collect(): Promise<HostReport> {
      // Side by side: a command waits for the slowest, not for the sum.
      const [osRelease, meminfo, hostname, kernelRelease, boot, uptime, disk, load, temperatureCelsius, synchronized, interfaces] =
        await Promise.all([
          readOsRelease(tree),
          tree.text('proc/meminfo'),
          tree.text('proc/sys/kernel/hostname'),
          tree.text('proc/sys/kernel/osrelease'),
          bootId(),
          uptimeSeconds(),
          diskOf(stateDirectory),
          readLoad(tree, kernel),
          readTemperature(tree),
          clockSynchronized(),
          readInterfaces(tree, kernel),
        ]);
      const release = parseOsRelease(osRelease);
      return {
        hostname: hostname ?? orNull(() => kernel.hostname()),
        osName: release.get('PRETTY_NAME') || release.get('NAME') || null,
        osVersion: release.get('VERSION_ID') || null,
        kernel: kernelRelease ?? orNull(() => kernel.release()),
        arch: process.arch,
        nodeVersion: process.versions.node,
        bootId: boot,
        uptimeSeconds: uptime,
        processUptimeSeconds: Math.floor(process.uptime()),
        memory: {
          totalBytes: memoryBytes(meminfo, 'MemTotal') ?? orNull(() => kernel.totalmem()),
          availableBytes: memoryBytes(meminfo, 'MemAvailable'),
          agentRssBytes: orNull(() => process.memoryUsage.rss()),
        },
        disk,
        load,
        temperatureCelsius,
        clockSynchronized: synchronized,
        interfaces,
      };
    },
  };
}
