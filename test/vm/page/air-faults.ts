import type { Fault } from '../../../scripts/demo/page/faults/fault.ts';
import type { AccessPoint, Air } from '../air.ts';

export interface AirFaultDeps {
  air: Pick<Air, 'start' | 'stop' | 'weaken'>;
  /** The network that the hub knows. */
  home: AccessPoint;
  /** The one that it may be moved to. */
  away: AccessPoint;
  /** Sends a command whose result tells the signal. */
  ask(): Promise<void>;
  /** A password that nobody has used. */
  secret(): string;
}

/** What can happen to the access points around a hub. */
export function airFaults({ air, home, away, ask, secret }: AirFaultDeps): Fault[] {
  const common = { group: 'Air', kind: 'switch', target: false } as const;
  const [here, there] = [`“${home.ssid}”`, `“${away.ssid}”`];
  return [
    {
      ...common,
      id: 'home_off',
      name: `Switch ${here} off`,
      about: `The access point of the hub’s network loses its power. The hub is back by itself when the access point is.`,
      begun: () => `Access point of ${here} switched off`,
      ended: () => 'switched on again',
      begin: () => air.stop(home.name),
      end: () => air.start(home),
    },
    {
      ...common,
      id: 'home_password',
      name: `Change the password of ${here}`,
      about:
        'Somebody sets another password at the access point. The hub cannot know it: it tries, and is back when the old one holds again.',
      begun: () => `Password of ${here} changed`,
      ended: () => 'the old password holds again',
      begin: () => air.start({ ...home, security: { kind: 'wpa2', passphrase: secret() } }),
      end: () => air.start(home),
    },
    {
      ...common,
      id: 'home_weak',
      name: `Weaken ${here}`,
      about: 'The access point is far away: its signal is at the edge of reception, and every third packet to the hub is lost.',
      begun: () => `${here} is weak`,
      ended: () => 'the signal is good again',
      async begin() {
        await air.weaken(home.name, true);
        await ask();
      },
      end: () => air.weaken(home.name, false),
    },
    {
      ...common,
      id: 'away_off',
      name: `Switch ${there} off`,
      about: `The other network is away. Send the hub there with set_wifi_credentials: it says what is wrong, and stays where it is.`,
      begun: () => `Access point of ${there} switched off`,
      ended: () => 'switched on again',
      begin: () => air.stop(away.name),
      end: () => air.start(away),
    },
  ];
}
