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
  const zones = (await tree.names('sys/class/thermal')) ?? [];
  const readings: number[] = [];
  for (const zone of zones.filter((name) => name.startsWith('thermal_zone')).slice(0, MAX_THERMAL_ZONES)) {
    const millidegrees = numberIn(await tree.text(`sys/class/thermal/${zone}/temp`));
    const celsius = (millidegrees ?? Number.NaN) / 1000;
    if (celsius >= PLAUSIBLE_CELSIUS.min && celsius <= PLAUSIBLE_CELSIUS.max) readings.push(celsius);
  }
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
      const release = parseOsRelease((await tree.text('etc/os-release')) ?? (await tree.text('usr/lib/os-release')) ?? '');
      const meminfo = await tree.text('proc/meminfo');
      return {
        hostname: (await tree.text('proc/sys/kernel/hostname')) ?? orNull(() => kernel.hostname()),
        osName: release.get('PRETTY_NAME') || release.get('NAME') || null,
        osVersion: release.get('VERSION_ID') || null,
        kernel: (await tree.text('proc/sys/kernel/osrelease')) ?? orNull(() => kernel.release()),
        arch: process.arch,
        nodeVersion: process.versions.node,
        bootId: await bootId(),
        uptimeSeconds: await uptimeSeconds(),
        processUptimeSeconds: Math.floor(process.uptime()),
        memory: {
          totalBytes: memoryBytes(meminfo, 'MemTotal') ?? orNull(() => kernel.totalmem()),
          availableBytes: memoryBytes(meminfo, 'MemAvailable'),
          agentRssBytes: orNull(() => process.memoryUsage.rss()),
        },
        disk: await diskOf(stateDirectory),
        load: await readLoad(tree, kernel),
        temperatureCelsius: await readTemperature(tree),
        clockSynchronized: await clockSynchronized(),
        interfaces: await readInterfaces(tree, kernel),
      };
    },
  };
}
