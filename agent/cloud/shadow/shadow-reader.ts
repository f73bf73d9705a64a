import type { ShadowView } from '../../contract/shadow.ts';
import { type MonotonicClock, sleep } from '../../system/clock.ts';
import type { Entropy } from '../../system/entropy.ts';
import { HubError, isHubError } from '../../system/errors.ts';

/** Reads the shadow for several readers with few requests, and never shows them a picture that an update of ours has overtaken. */
export interface ShadowReader {
  /** Resolves with a view that is at least as new as anything that was heard of when it was called. */
  read(): Promise<ShadowView>;
  /** A delta named this version. */
  heard(version: number): void;
  /** An update of ours was accepted with this version. */
  wrote(version: number): void;
  /** The link ended: what is under way on it counts no more. */
  reset(): void;
}

export interface ShadowReaderDeps {
  clock: MonotonicClock;
  entropy: Pick<Entropy, 'unit'>;
  /** One request over the link of now; rejects when that ends before the answer. */
  request(): Promise<ShadowView>;
  /** Called for each view, before anything else can happen. */
  onView(view: ShadowView): void;
  /** The account is at its limit: every reader waits so many milliseconds, and then shares one request. */
  onThrottled(pauseMs: number): void;
}

/** Ceiling of the pause after a read that the account's limit refused; doubled up to the maximum, between half and all of it is waited. */
const THROTTLED_MS = 2_000;
const MAX_THROTTLED_MS = 60_000;

/** A request and the newest version that was known when it was sent. */
interface Reading {
  asked: number;
  answer: Promise<ShadowView>;
}

export function createShadowReader(deps: ShadowReaderDeps): ShadowReader {
  const { clock, entropy, onView } = deps;
  let newest = 0;
  let written = 0;
  let reading: Reading | null = null;
  let next: Promise<ShadowView> | null = null;

  let link = new AbortController();

  /** One answer; a fleet that comes back together asks for more than an account may, and does so again later and less often. */
  async function request(): Promise<ShadowView> {
    const { signal } = link;
    for (let ceilingMs = THROTTLED_MS; ; ceilingMs = Math.min(MAX_THROTTLED_MS, 2 * ceilingMs)) {
      try {
        return await deps.request();
      } catch (error) {
        if (!isHubError(error, 'shadow_throttled') || signal.aborted) throw error;
        const pauseMs = Math.round(ceilingMs * (0.5 + entropy.unit() / 2));
        deps.onThrottled(pauseMs);
        await sleep(clock, pauseMs, signal);
        if (signal.aborted) throw new HubError('cloud_disconnected', 'read the shadow: the link fell');
      }
    }
  }

  async function answered(asked: number): Promise<ShadowView> {
    for (let since = asked; ; since = newest) {
      const view = await request();
      // Older than what was known when we asked: the shadow was deleted and made anew, its versions begin again.
      if (view.version < since) {
        newest = view.version;
        written = view.version;
      }
      // Reads and updates overtake each other. A picture from before our own update would look as if it was not done.
      if (view.version < written) continue;
      newest = Math.max(newest, view.version);
      onView(view);
      return view;
    }
  }

  function begin(): Promise<ShadowView> {
    const asked = newest;
    const mine: Reading = {
      asked,
      answer: answered(asked).finally(() => {
        if (reading === mine) reading = null;
      }),
    };
    reading = mine;
    return mine.answer;
  }

  function read(): Promise<ShadowView> {
    if (!reading) return begin();
    if (reading.asked === newest) return reading.answer;
    if (next) return next;
    // Something newer is known than when it was asked for: its answer may be too old for this reader.
    const mine = reading.answer
      .catch(() => {})
      .then(() => {
        if (next === mine) next = null;
        return read();
      });
    next = mine;
    return mine;
  }

  return {
    read,
    heard(version) {
      newest = Math.max(newest, version);
    },
    wrote(version) {
      newest = Math.max(newest, version);
      written = Math.max(written, version);
    },
    reset() {
      link.abort();
      link = new AbortController();
      reading = null;
      next = null;
      // The next link hears anew: meanwhile the shadow may have been deleted, and count from the beginning.
      newest = 0;
      written = 0;
    },
  };
}
