import type { Architecture } from './runtime.ts';
import { ZIGBEE_PACKAGE } from './zigbee.ts';

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

/** The same of the add-on with the Zigbee library. It fits every version of the agent that knows the library's major version. */
export function zigbeeControlFields(of: { arch: Architecture; version: string }): Record<string, string> {
  return {
    Package: ZIGBEE_PACKAGE,
    Version: of.version,
    Architecture: of.arch,
    Maintainer: 'Hub agent maintainers <hub-agent@localhost>',
    Depends: 'hub-agent, libc6 (>= 2.28), libstdc++6 (>= 8)',
    Section: 'net',
    Priority: 'optional',
    Description: 'The Zigbee library of the smart-lock hub agent, for hubs with a Zigbee bus.',
  };
}
