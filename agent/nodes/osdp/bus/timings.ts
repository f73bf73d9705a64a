/** Every wait of the OSDP bus, in milliseconds. Overridden by tests only. */
export interface OsdpTimings {
  /** The longest a PD may take to begin its answer before it must say BUSY (SIA OSDP 2.2, "Timing"). */
  fullWaitMs: number;
  /** Silence after which a PD is off-line and has dropped its secure channel (SIA OSDP 2.2, "Timing"). */
  offlineAfterMs: number;
  /** First-byte window of a scan before any answer was measured: a USB adapter's latency timer (16 ms) and a slow PD fit in. */
  initialWindowMs: number;
  /** Floor of the adaptive window: the latency timer alone. */
  minWindowMs: number;
  /** Ceiling of the adaptive window: half the full wait; beyond it recovery is cheaper than a longer wait at every address. */
  maxWindowMs: number;
  /** Pause in the middle of a frame after which the frame is torn: two latency timers and a margin. */
  interByteGapMs: number;
  /** A poll cycle begins this often. It also bounds how long an idle bus goes without a write, which is what detects a dead port. */
  pollCycleMs: number;
  /** How often tamper and power are asked, in case a PD does not report their change to a poll. */
  statusIntervalMs: number;
  /** How often identity and capabilities are asked again: a PD that was restarted between two polls may run another firmware. */
  factsIntervalMs: number;
  /** How often inputs and outputs are asked again, in case a PD does not report their change to a poll. */
  statesIntervalMs: number;
  /** How often identity and capabilities are asked while the PD refuses to tell them. */
  refusalMs: number;
  /** How long a PD that refused the secure channel is left alone. */
  channelRetryMs: number;
  /** The same after a handshake whose answers were lost, the first few times: a slot or two for status and poll. */
  handshakePauseMs: number;
  /** First and longest pause between two attempts to open the port. */
  reopenMinMs: number;
  reopenMaxMs: number;
  /** Silence of every PD after which an automatic baud rate is looked for again. */
  baudRetryMs: number;
}

export const DEFAULT_TIMINGS: OsdpTimings = {
  fullWaitMs: 200,
  offlineAfterMs: 8_000,
  initialWindowMs: 40,
  minWindowMs: 20,
  maxWindowMs: 100,
  interByteGapMs: 40,
  pollCycleMs: 500,
  statusIntervalMs: 5_000,
  factsIntervalMs: 120_000,
  statesIntervalMs: 600_000,
  refusalMs: 60_000,
  channelRetryMs: 30_000,
  handshakePauseMs: 1_000,
  reopenMinMs: 250,
  reopenMaxMs: 2_000,
  baudRetryMs: 60_000,
};

/** Start bit, eight data bits, stop bit. */
const BITS_PER_BYTE = 10;

/** How long so many bytes take on the wire. */
export function wireMs(bytes: number, baudRate: number): number {
  return (bytes * BITS_PER_BYTE * 1000) / baudRate;
}
