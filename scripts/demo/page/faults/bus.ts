import type { OsdpLine, PeripheralControl } from '../../../../test/twins/osdp-line/index.ts';
import type { Fault } from './fault.ts';

/** One bit in so many bytes turns: a poll and its answer are 16 bytes. */
const NOISE = 0.004;
/** An H10301 card: 26 bits. */
const CARD = '10010110011010011100101101';

type Identity = Pick<PeripheralControl['settings'], 'serialNumber' | 'firmware'>;

/** The socket of the serial adapter. */
export interface AdapterSocket {
  pull(): Promise<void>;
  plug(): Promise<void>;
}

/** What can happen to a serial line and its peripherals. */
export function busFaults(line: OsdpLine, adapter: AdapterSocket): Fault[] {
  const originals = new Map<number, Identity>();
  const of = (target: number): PeripheralControl => line.peripheral(target);
  const bus = { group: 'Bus', kind: 'switch', target: true } as const;
  return [
    {
      ...bus,
      id: 'serial',
      name: 'Pull the serial adapter',
      about:
        'The USB adapter leaves its socket. After eight seconds of silence (OSDP’s own limit) the nodes are unavailable; plugged in again, all come back by themselves.',
      target: false,
      begun: () => 'Serial adapter pulled',
      ended: () => 'plugged in again',
      begin: adapter.pull,
      end: adapter.plug,
    },
    {
      ...bus,
      id: 'silence',
      name: 'Silence a peripheral',
      about:
        'It hears and never answers, as with a broken driver. After eight seconds its node is unavailable; the others are polled as before.',
      begun: (target) => `Peripheral ${target} silenced`,
      ended: (target) => `peripheral ${target} answers again`,
      begin: (target) => of(target).setFaults({ silent: true }),
      end: (target) => of(target).setFaults({ silent: false }),
    },
    {
      ...bus,
      id: 'tamper',
      name: 'Open a housing',
      about: 'The tamper switch opens. The hub raises an alarm in the shadow without being asked, within a second.',
      begun: (target) => `Housing of peripheral ${target} opened`,
      ended: (target) => `housing of peripheral ${target} closed`,
      begin: (target) => of(target).setTampered(true),
      end: (target) => of(target).setTampered(false),
    },
    {
      ...bus,
      id: 'swap',
      name: 'Swap a peripheral',
      about: 'Another device of the same kind takes its address between two polls. The hub notices, and raises an alarm.',
      begun: (target) => `Peripheral ${target} swapped for another`,
      ended: (target) => `the old peripheral ${target} put back`,
      begin(target) {
        const { serialNumber, firmware } = of(target).settings;
        if (!originals.has(target)) originals.set(target, { serialNumber, firmware });
        of(target).restart({ serialNumber: (serialNumber ^ 0x00ff_00ff) >>> 0, firmware: [9, 9, 9] });
      },
      end: (target) => of(target).restart(originals.get(target) ?? {}),
    },
    {
      ...bus,
      id: 'power',
      name: 'Power fault of a peripheral',
      about: 'Its supply is weak. The node shows it; no other node is touched.',
      begun: (target) => `Supply of peripheral ${target} weak`,
      ended: (target) => `supply of peripheral ${target} good`,
      begin: (target) => of(target).setPowerFault(true),
      end: (target) => of(target).setPowerFault(false),
    },
    {
      ...bus,
      id: 'noise',
      name: 'Noise on the line',
      about: 'Bits turn on the wire. The hub asks again; a node does not come and go for it.',
      target: false,
      begun: () => 'Noise on the line',
      ended: () => 'the line is clean again',
      begin: () => void Object.assign(line.noise, { flipRate: NOISE }),
      end: () => void Object.assign(line.noise, { flipRate: 0 }),
    },
    {
      ...bus,
      id: 'card',
      kind: 'act',
      name: 'Hold a card to a reader',
      about: 'The reader reports it with the next poll. Its number is in no log, no shadow, and not on this page.',
      begun: (target) => `Card held to peripheral ${target}`,
      begin: (target) => of(target).presentCard(CARD),
    },
  ];
}
