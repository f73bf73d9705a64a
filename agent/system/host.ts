import type { NetworkInterface } from './linux/host-network.ts';

/** Facts about the hub's computer. What cannot be known is null. Sizes are bytes, times seconds. */
export interface HostReport {
  hostname: string | null;
  /** PRETTY_NAME and VERSION_ID of os-release(5). */
  osName: string | null;
  osVersion: string | null;
  kernel: string | null;
  /** Node's name: `arm64`, `x64`. */
  arch: string;
  nodeVersion: string;
  /** Changes with every boot (UUID, from the kernel). */
  bootId: string | null;
  uptimeSeconds: number | null;
  processUptimeSeconds: number;
  memory: { totalBytes: number | null; availableBytes: number | null; agentRssBytes: number | null };
  /** The file system of the state directory; `availableBytes` is what an unprivileged user may still write. */
  disk: { totalBytes: number | null; availableBytes: number | null };
  /** Load averages of 1, 5 and 15 minutes. */
  load: [number, number, number] | null;
  /** The hottest sensor of the board. */
  temperatureCelsius: number | null;
  clockSynchronized: boolean | null;
  /** Without loopback, those with hardware first; null when the kernel does not show them. */
  interfaces: NetworkInterface[] | null;
}

/** The hub's computer. No method ever throws. */
export interface HostFacts {
  collect(): Promise<HostReport>;
  /** Of this boot of the machine; null when the kernel does not tell. */
  bootId(): Promise<string | null>;
  /** Seconds since boot. */
  uptimeSeconds(): Promise<number | null>;
  /** True when the clock was set from the network since boot, false when it surely was not, null when the host does not tell. */
  clockSynchronized(): Promise<boolean | null>;
}
