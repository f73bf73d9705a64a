import { agent } from '../agents.ts';
import type { Fault } from '../examine.ts';

/** Faults of the Wi-Fi connection, and what the doctor must say of each. */
export const WIFI_FAULTS: readonly Fault[] = [
  {
    what: 'a radio that is switched off',
    check: 'wifi',
    config: { wifi: { backend: 'auto' } },
    ports: () => ({ wifiProblem: async () => ({ reason: 'radio_software', message: 'The radio is off.', device: 'wlan0' }) }),
    finding: /switched off/,
    remedy: /rfkill unblock wifi/,
  },
  {
    what: 'no Wi-Fi adapter, which a hub on a cable may do without',
    check: 'wifi',
    status: 'warn',
    config: { wifi: { backend: 'auto' } },
    ports: () => ({ wifiProblem: async () => ({ reason: 'no_device', message: 'There is none.', device: null }) }),
    finding: /no Wi-Fi device/,
    remedy: /nmcli device/,
  },
  {
    what: 'a polkit that refuses',
    check: 'wifi',
    config: { wifi: { backend: 'auto' } },
    ports: () =>
      agent({
        wifi: { connection: null, credentialsSet: null, problem: 'The agent is not allowed to checkpoint.', reason: 'not_allowed' },
      }),
    finding: /not allowed/,
    remedy: /polkitd/,
  },
  {
    what: 'no NetworkManager, and no agent',
    check: 'wifi',
    config: { wifi: { backend: 'auto' } },
    ports: () => ({ wifiProblem: async () => ({ reason: 'not_running', message: 'It is down.', device: null }) }),
    finding: /NetworkManager is not running/,
    remedy: /systemctl enable --now NetworkManager/,
  },
];
