import { type MonotonicClock, sleep } from '../../system/clock.ts';
import { HubError, isHubError } from '../../system/errors.ts';
import { within } from '../../system/timeout.ts';

/** The proof of a network by the cloud, passed in by the composition root. */
export interface CloudProof {
  /**
   * Opens a new MQTT session and has a publish acknowledged on it, once. `localAddress`: from this address. Rejects when that failed, or
   * when `signal` aborts.
   */
  prove(signal: AbortSignal, options?: { localAddress?: string }): Promise<void>;
  /** Resolves when the agent's own session has carried something since this call; rejects when `signal` aborts. */
  waitReachable(signal: AbortSignal): Promise<void>;
}

/** A fresh network needs a moment for name service and routes; beyond this it has no way to the cloud. */
const PROOF_TIMEOUT_MS = 45_000;
/** AWS IoT allows one CONNECT a second for each client id. */
const PROOF_PAUSE_MS = 2000;
/** The old network is up within 13 s (measured); the session's backoff comes on top. */
const RETURN_TIMEOUT_MS = 60_000;

/**
 * Tries until the cloud is proven; from each of `localAddresses` in turn, where some are given: one IP version suffices.
 * @throws HubError `wifi_cloud_unreachable`
 */
export async function proveCloud(
  proof: CloudProof,
  clock: MonotonicClock,
  signal: AbortSignal,
  localAddresses: readonly string[] = [],
): Promise<void> {
  let last: unknown = null;
  async function attempts(bounded: AbortSignal): Promise<boolean> {
    for (let attempt = 0; !bounded.aborted; attempt++) {
      const localAddress = localAddresses[attempt % localAddresses.length];
      try {
        await proof.prove(bounded, localAddress === undefined ? {} : { localAddress });
        return true;
      } catch (error) {
        if (!bounded.aborted) last = error;
      }
      await sleep(clock, PROOF_PAUSE_MS, bounded);
    }
    return false;
  }
  if (await bound(clock, PROOF_TIMEOUT_MS, attempts, signal)) return;
  last ??= new HubError('aborted', 'It took too long.');
  const why = isHubError(last) ? ` (${last.message})` : '';
  throw new HubError(
    'wifi_cloud_unreachable',
    `The network was joined, but the cloud did not answer over it${why}. Check its way to the internet, a login page, and port 8883 or 443.`,
  );
}

/** Waits for the cloud over the network that the hub is on. False when it did not come in time. */
export async function waitForCloud(proof: CloudProof, clock: MonotonicClock, signal: AbortSignal): Promise<boolean> {
  return bound(clock, RETURN_TIMEOUT_MS, (bounded) => proof.waitReachable(bounded).then(() => true), signal);
}

/** What the work answers in time; false when it fails, takes too long or is ended. */
function bound(clock: MonotonicClock, timeoutMs: number, work: (bounded: AbortSignal) => Promise<boolean>, signal: AbortSignal) {
  return within(clock, timeoutMs, work, () => false, { signal }).catch(() => false);
}
