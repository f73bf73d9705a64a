import { MAX_OSDP_ADDRESS } from '../../../contract/osdp.ts';
import type { MonotonicClock, WallClock } from '../../../system/clock.ts';
import type { Entropy } from '../../../system/entropy.ts';
import { HubError } from '../../../system/errors.ts';
import type { Log } from '../../../system/log.ts';
import type { Secret } from '../../../system/secret.ts';
import type { KeyStore } from '../keys/key-store.ts';
import type { SerialPorts } from '../port/port.ts';
import type { OsdpTimings } from './timings.ts';

/** The rates of the standard, the most common ones first: the order in which `auto` tries them. */
export const BAUD_RATES: readonly number[] = [9600, 115200, 38400, 19200, 57600, 230400];

/** What an OSDP bus is made of. */
export interface OsdpBusOptions {
  id: string;
  /** The device, best its name under /dev/serial/by-id, which survives another port number. */
  path: string;
  /** 9600 … 230400, or found by trying. */
  baudRate: number | 'auto';
  /** 0 … 126, each once. */
  addresses: readonly number[];
  /** Use the public default key with PDs that have no own one. It protects nothing, so it is off by default. */
  allowDefaultKey: boolean;
  /** Reports of a PD are ignored unless its own key secures the link. Default false. */
  requireSecurity?: boolean;
  /** Own base keys by address, as 32 hex digits. */
  keys: ReadonlyMap<number, Secret>;
  /** The longest that a PD may take to begin its answer. Default: the 200 ms of the standard. */
  replyTimeoutMs?: number;
  /** The keys that the agent gives to PDs itself. Absent: it gives none. */
  keyStore?: KeyStore;
  serialPorts: SerialPorts;
  clock: MonotonicClock;
  wallClock: WallClock;
  entropy: Entropy;
  log: Log;
  timings?: Partial<OsdpTimings>;
}

/** @throws HubError `config_invalid` for addresses that no PD can have, that stand twice, or for none at all. */
export function checkAddresses(id: string, addresses: readonly number[]): void {
  const bad = addresses.find(
    (address, index) => !Number.isInteger(address) || address < 0 || address > MAX_OSDP_ADDRESS || addresses.indexOf(address) !== index,
  );
  if (addresses.length > 0 && bad === undefined) return;
  const message =
    bad === undefined ? 'names no address' : `address ${bad} must be a whole number from 0 to ${MAX_OSDP_ADDRESS} and stand once`;
  throw new HubError('config_invalid', `bus ${id}: ${message}`, { details: [{ field: 'addresses', message }] });
}
