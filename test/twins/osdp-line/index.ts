export { createSteppedClock, type SteppedClock } from '../../support/stepped-clock.ts';
export { demoPeripherals } from './demo-peripherals.ts';
export { createOsdpLine } from './line.ts';
export type { Noise } from './medium.ts';
export type { Capability, CheckPolicy, PeripheralFaults, PeripheralOptions, SecureChannelOptions, Turnaround } from './options.ts';
export { createPreciseClock } from './precise-clock.ts';
export { SCBK_D } from './secure-channel.ts';
export type { AddressStats, LineStats } from './stats.ts';
export type { LineFrame, OsdpLine, OsdpLineOptions, PeripheralControl, Wire } from './types.ts';
