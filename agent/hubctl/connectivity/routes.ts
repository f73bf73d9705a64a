import type { Files } from '../../system/files.ts';

/** Flags of a route (linux/route.h). */
const UP = 0x1;
const REJECT = 0x200;

const isUsable = (flags: string | undefined): boolean => {
  const bits = Number.parseInt(flags ?? '', 16);
  return (bits & UP) !== 0 && (bits & REJECT) === 0;
};

/** Whether `/proc/net/route` or `/proc/net/ipv6_route` has a default route; the kernel's own `unreachable` one is none. */
export function hasDefaultRoute(route: string, ipv6Route: string): boolean {
  const fields = (text: string) => text.split('\n').map((line) => line.trim().split(/\s+/));
  const ipv4 = fields(route).some(
    ([, destination, , flags, , , , mask]) => destination === '00000000' && mask === '00000000' && isUsable(flags),
  );
  // destination, its prefix length, source, its prefix length, next hop, metric, references, uses, flags, device
  return (
    ipv4 ||
    fields(ipv6Route).some(([destination, length, , , , , , , flags]) => /^0{32}$/.test(destination!) && length === '00' && isUsable(flags))
  );
}

/** Whether this hub surely has no way out of its own networks. */
export async function isWithoutRoute(files: Pick<Files, 'read'>): Promise<boolean> {
  const read = (path: string) =>
    files.read(path).then(
      (data) => data?.toString('utf8') ?? null,
      () => null,
    );
  // Without IPv6 its file is not there.
  const [route, ipv6Route] = await Promise.all([read('/proc/net/route'), read('/proc/net/ipv6_route')]);
  return route !== null && !hasDefaultRoute(route, ipv6Route ?? '');
}
