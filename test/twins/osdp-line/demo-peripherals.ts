import type { PeripheralOptions } from './options.ts';

/** Six peripherals as a small site has them: ordinary locks and readers, one tampered, one that insists on a secure channel, one slow. */
export function demoPeripherals(): PeripheralOptions[] {
  return [
    { address: 1, vendor: '5eca00', model: 1, version: 2, serialNumber: 0x00a1_0001, firmware: [2, 7, 19], turnaround: 4 },
    { address: 5, vendor: '5eca00', model: 1, version: 2, serialNumber: 0xdead_beef, firmware: [2, 7, 19], turnaround: 6 },
    {
      address: 17,
      vendor: '0a0017',
      model: 3,
      version: 1,
      serialNumber: 0x00b7_4411,
      firmware: [1, 111, 0],
      tampered: true,
      turnaround: 8,
    },
    {
      address: 42,
      vendor: '5eca00',
      model: 4,
      version: 1,
      serialNumber: 0x00c0_0042,
      firmware: [3, 0, 2],
      turnaround: 5,
      secureChannel: { required: true, acceptsDefaultKey: true },
    },
    { address: 77, vendor: '0a0017', model: 2, version: 5, serialNumber: 0x0077_1234, firmware: [1, 98, 4], turnaround: 40 },
    {
      address: 120,
      vendor: '00069f',
      model: 9,
      version: 1,
      serialNumber: 0x0120_5577,
      firmware: [5, 1, 0],
      turnaround: { minMs: 3, maxMs: 15 },
    },
  ];
}
