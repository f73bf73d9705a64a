import type { Fault } from '../../../scripts/demo/page/faults/fault.ts';
import type { VirtualHub } from '../hub.ts';
import type { JournalReader } from './journal.ts';

/** A day after the epoch: what a hub without a battery may show. */
const WRONG_CLOCK_MS = 86_400_000;

export interface MachineFaultDeps {
  hub: Pick<VirtualHub, 'pullCord' | 'plugCord' | 'setClock'>;
  journal: Pick<JournalReader, 'powerLost'>;
  /** Ends the hub's connection to the broker. */
  dropLink(): void;
  /** Time of day on the host, epoch milliseconds. */
  nowMs(): number;
}

/** What can happen to the machine that a hub is. */
export function machineFaults({ hub, journal, dropLink, nowMs }: MachineFaultDeps): Fault[] {
  return [
    {
      id: 'cord',
      group: 'Hub',
      name: 'Pull the power cord',
      about:
        'The power is gone at once, with all that was not written out. The cloud finds out by the keepalive, after 45 seconds. With power the hub boots, and is back by itself.',
      kind: 'switch',
      target: false,
      begun: () => 'Power cord pulled',
      ended: () => 'power is back',
      async begin() {
        await hub.pullCord();
        journal.powerLost();
      },
      end: () => hub.plugCord(),
    },
    {
      id: 'hub_clock',
      group: 'Hub',
      name: 'Wrong clock on the hub',
      about:
        'The hub’s clock shows 1970, as after a flat battery, and its link is cut. With such a clock no certificate can be checked: the hub waits, says why, and connects when the clock is right.',
      kind: 'switch',
      target: false,
      begun: () => 'Hub’s clock set to 1970, its link cut',
      ended: () => 'hub’s clock is right again',
      async begin() {
        await hub.setClock(WRONG_CLOCK_MS);
        dropLink();
      },
      end: () => hub.setClock(nowMs()),
    },
  ];
}
