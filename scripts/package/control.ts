import type { Architecture } from './runtime.ts';

/**
 * The package's control fields (deb-control(5)). It depends only on what every Debian 12 has: the libraries that Node's official binary is linked
 * with, and systemd. NetworkManager is recommended: without it all but the Wi-Fi change works.
 */
export function controlFields(of: { arch: Architecture; version: string; description: string }): Record<string, string> {
  return {
    Package: 'hub-agent',
    Version: of.version,
    Architecture: of.arch,
    Maintainer: 'Hub agent maintainers <hub-agent@localhost>',
    'Pre-Depends': 'init-system-helpers (>= 1.54)',
    Depends: 'libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 8), passwd, systemd (>= 247)',
    Recommends: 'ca-certificates, network-manager, polkitd, wireless-regdb',
    Section: 'net',
    Priority: 'optional',
    Description: of.description,
  };
}
