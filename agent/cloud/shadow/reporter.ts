import type { LastCommand, ShadowUpdate, ShadowView } from '../../contract/shadow.ts';
import { type Cancel, type MonotonicClock, sleep, type WallClock } from '../../system/clock.ts';
import { HubError, isHubError, messageOf } from '../../system/errors.ts';
import type { Log } from '../../system/log.ts';
import { isVolatileOnly, withoutResult } from './reported-document.ts';
import { createReportedPicture, type ReportedIdentity, type ReportedSections } from './reported-picture.ts';

/** The way to the Shadow service while a link stands. */
export interface ShadowWriter {
  updateShadow(update: ShadowUpdate): Promise<number>;
}

/**
 * Keeps the reported state true with few messages: it sends what differs from what the Shadow service last acknowledged, one update at a
 * time. When nobody knows whether an update was done, it has the shadow read again instead of guessing.
 */
export interface Reporter {
  /** The link is up: says `online` at once and asks for the shadow; full reports begin once it has been read (`known`). */
  attach(writer: ShadowWriter, session: string): void;
  detach(): void;
  /** The shadow as it was just read. */
  known(view: ShadowView): void;
  /** Changes sections; sent within a second, together. A section that is set to undefined is taken out of the reported state. */
  set(sections: Partial<ReportedSections>): void;
  /** Sends even if nothing seems to have changed: somebody else may have written our `online`. */
  refresh(): void;
  /** Reports a command's state at once; resolves when acknowledged, or when the shadow shows it already. */
  reportCommand(lastCommand: LastCommand): Promise<void>;
  /** Clears the command in `desired`, conditional on the version, with what is said of it (null: nothing). Resolves with the new version. */
  clearCommand(version: number, lastCommand: LastCommand | null): Promise<number>;
  /** Reports `online: false` over the link of this session, attached or not yet; resolves when acknowledged. */
  goodbye(link: ShadowWriter, session: string): Promise<void>;
}

export interface ReporterDeps {
  identity: ReportedIdentity;
  uptimeSeconds(): number;
  wallClock: WallClock;
  clock: MonotonicClock;
  /** `lastSeen` and `uptimeSeconds` are refreshed at least so often. */
  heartbeatMs: number;
  log: Log;
  /** Asks for a fresh read of the shadow, which ends in `known`. */
  requestRead(): void;
  /** An update was accepted with this version. */
  onUpdated(version: number): void;
}

/** At most one report a second, however fast things change, also when they are refused. Commands are answered at once. */
export const MIN_REPORT_INTERVAL_MS = 1_000;
/** Pause before a report that was refused or throttled is tried again, doubled up to the maximum. Until the first one of a session is taken,
 * the hub is shown offline although it is not: then the pauses stay short. */
const RETRY_MS = 2_000;
const MAX_FIRST_RETRY_MS = 10_000;
const MAX_RETRY_MS = 300_000;
/**
 * The cloud's rule judges an old session's `offline` and writes it some time later, when it may stand over our `online` (AWS IoT rules are
 * asynchronous). Nothing tells the hub: after a birth it says once more, so much later, that it is here.
 */
const REASSURE_MS = 10_000;
/** How long a goodbye waits for the first word of its session to be acknowledged. */
const GREETING_MS = 500;

export function createReporter(deps: ReporterDeps): Reporter {
  const { clock, wallClock, log } = deps;
  const picture = createReportedPicture(deps);
  let writer: ShadowWriter | null = null;
  let session = '';
  let forced = false;
  /** When an update was last accepted, and last sent. */
  let lastReportMs = Number.NEGATIVE_INFINITY;
  let lastSentMs = Number.NEGATIVE_INFINITY;
  let cancelTimer: Cancel | null = null;
  let cancelReassurance: Cancel = () => {};
  let tail: Promise<unknown> = Promise.resolve();
  let waiters: { resolve: () => void; reject: (error: HubError) => void }[] = [];
  let failures = 0;
  /** The shadow shows this session online. */
  let greeted = false;
  let greeting: Promise<void> = Promise.resolve();
  /** Goodbye is said: nothing says `online` on this link any more, whatever still changes while the agent stops. */
  let leaving = false;

  /** Resolves once the shadow of this link has been read; without that picture, keys that must vanish cannot be found. */
  function whenKnown(): Promise<void> {
    if (!writer) return Promise.reject(new HubError('cloud_disconnected', 'shadow update: no link'));
    if (picture.isKnown()) return Promise.resolve();
    return new Promise((resolve, reject) => waiters.push({ resolve, reject }));
  }

  const documentNow = (changes?: { lastCommand: LastCommand }) => picture.document({ online: !leaving, session }, changes);

  /** One update after the other: our own writes must not overtake each other, nor make our conditional ones fail. */
  function exclusive<T>(run: () => Promise<T>): Promise<T> {
    const result = tail.then(run);
    tail = result.catch(() => {});
    return result;
  }

  async function send(update: Omit<ShadowUpdate, 'reported'>, document: Record<string, unknown> | null): Promise<number> {
    if (!writer) throw new HubError('cloud_disconnected', 'shadow update: no link');
    const to = writer;
    // `online` and `session` go with every report: they heal whatever a late will's rule wrote.
    const reported = document ? { ...picture.patchTo(document), online: document.online, session: document.session } : null;
    const wasForced = forced;
    if (reported) forced = false;
    lastSentMs = clock.nowMs();
    try {
      const version = await to.updateShadow({ ...update, ...(reported && { reported }) });
      // A late answer of an older link says nothing of what was read over this one.
      if (to !== writer) return version;
      if (reported) {
        greeted = true;
        picture.taken(reported);
        lastReportMs = clock.nowMs();
      }
      deps.onUpdated(version);
      return version;
    } catch (error) {
      forced ||= wasForced;
      if (isHubError(error, 'cloud_timeout') && to === writer) forget();
      throw error;
    }
  }

  /**
   * That we are here needs no picture of the shadow: while a read is lost or refused, the hub must not be shown offline. What fails here, the
   * first report says again.
   */
  async function greet(to: ShadowWriter): Promise<void> {
    lastSentMs = clock.nowMs();
    try {
      const version = await to.updateShadow({ reported: { online: true, session, lastSeen: wallClock.nowMs() } });
      if (to !== writer) return;
      greeted = true;
      deps.onUpdated(version);
    } catch (error) {
      log.debug({ event: 'greeting_failed', reason: messageOf(error) }, 'the first word to the shadow was not taken');
    }
  }

  /** Nobody knows what the service holds: it is read, again and again, beside the queue of updates, which may be waiting for it. */
  function forget(): void {
    picture.forget();
    deps.requestRead();
    schedule(retryMs());
  }

  async function flush(): Promise<void> {
    if (!writer || !picture.isKnown() || leaving) return;
    const document = documentNow();
    const heartbeat = clock.nowMs() - lastReportMs >= deps.heartbeatMs;
    if (!forced && !heartbeat && isVolatileOnly(picture.patchTo(document))) return;
    await send({}, document);
  }

  function schedule(delayMs: number): void {
    cancelTimer?.();
    cancelTimer = clock.schedule(delayMs, () => {
      cancelTimer = null;
      if (writer && !picture.isKnown()) {
        failures += 1;
        return forget();
      }
      const from = writer;
      exclusive(flush).then(
        () => {
          if (writer !== from) return;
          failures = 0;
          // Commands report as well: the next heartbeat counts from the last report of any kind.
          if (writer && !cancelTimer) schedule(Math.max(0, lastReportMs + deps.heartbeatMs - clock.nowMs()));
        },
        (error: unknown) => {
          if (writer !== from) return;
          log.warn({ event: 'report_failed', reason: messageOf(error) }, 'the reported state was not taken');
          forced = true;
          failures += 1;
          schedule(retryMs());
        },
      );
    });
  }

  const retryMs = () => Math.min(greeted ? MAX_RETRY_MS : MAX_FIRST_RETRY_MS, RETRY_MS * 2 ** Math.max(0, failures - 1));

  function soon(): void {
    // While reports are refused, the pause before the next one stands.
    if (!writer || leaving || (failures > 0 && cancelTimer)) return;
    if (picture.isKnown()) schedule(Math.max(0, lastSentMs + MIN_REPORT_INTERVAL_MS - clock.nowMs()));
  }

  function reassureLater(): void {
    cancelReassurance();
    cancelReassurance = clock.schedule(REASSURE_MS, () => {
      forced = true;
      soon();
      // Reads that are lost do not keep the hub offline: that it is here is said without them, again and again.
      if (!writer || picture.isKnown()) return;
      greeting = greet(writer);
      reassureLater();
    });
  }

  return {
    attach(link, newSession) {
      writer = link;
      session = newSession;
      leaving = false;
      greeted = false;
      forced = true;
      failures = 0;
      greeting = greet(link);
      forget();
      reassureLater();
    },

    detach() {
      writer = null;
      picture.forget();
      cancelReassurance();
      cancelTimer?.();
      cancelTimer = null;
      for (const { reject } of waiters) reject(new HubError('cloud_disconnected', 'shadow update: the link fell'));
      waiters = [];
    },

    known(view) {
      if (!writer || view.reported === null) return;
      picture.known(view.reported);
      for (const { resolve } of waiters) resolve();
      waiters = [];
      failures = 0;
      soon();
    },

    set(changes) {
      picture.set(changes);
      soon();
    },

    refresh() {
      forced = true;
      // We may be shown offline again: as at the beginning of a session, that waits for no long pause.
      greeted = false;
      failures = 0;
      if (!writer || leaving) return;
      if (picture.isKnown()) soon();
      else {
        greeting = greet(writer);
        forget();
      }
      reassureLater();
    },

    reportCommand(lastCommand) {
      return exclusive(async () => {
        await whenKnown();
        picture.set({ lastCommand });
        // A refused command's answer went with its clear already.
        if (!forced && isVolatileOnly(picture.patchTo(documentNow()))) return;
        try {
          await send({}, documentNow());
        } catch (error) {
          // 413: the cloud's part of the document is larger than we left room for. The result's topic has it all.
          if (!isHubError(error, 'cloud_refused') || !lastCommand.result) throw error;
          picture.set({ lastCommand: withoutResult(lastCommand) });
          await send({}, documentNow());
        }
      });
    },

    clearCommand(version, lastCommand) {
      return exclusive(async () => {
        await whenKnown();
        const desired = { command: null, args: null };
        if (!lastCommand) return await send({ desired, version }, null);
        // What is said of the command counts only if it was cleared.
        const accepted = await send({ desired, version }, documentNow({ lastCommand }));
        picture.set({ lastCommand });
        return accepted;
      });
    },

    async goodbye(link, id) {
      leaving = true;
      cancelReassurance();
      cancelTimer?.();
      cancelTimer = null;
      // Our own `online` must not come after it; an answer to it that is lost must not hold it up.
      const bound = new AbortController();
      await Promise.race([greeting, sleep(clock, GREETING_MS, bound.signal)]);
      bound.abort();
      // Without the picture others in the queue wait for it as well; this needs none. A session that is still opening has no writer here yet.
      if (writer && picture.isKnown()) await exclusive(() => send({}, documentNow()));
      else await link.updateShadow({ reported: { online: false, session: id, lastSeen: wallClock.nowMs() } });
    },
  };
}
