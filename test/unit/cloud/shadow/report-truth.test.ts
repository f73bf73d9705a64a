import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MIN_COMPARE_INTERVAL_MS } from '../../../../agent/cloud/shadow/report-state.ts';
import { createReporter } from '../../../../agent/cloud/shadow/reporter.ts';
import type { ShadowUpdate } from '../../../../agent/contract/shadow.ts';
import { HubError } from '../../../../agent/system/errors.ts';
import { createSteppedClock } from '../../../support/stepped-clock.ts';
import { AWS_LIMITS } from '../../../twins/iot-core/limits.ts';
import { createShadowService } from '../../../twins/iot-core/shadow-service.ts';
import { createFakeLog } from '../../nodes/fakes.ts';

const IDENTITY = { hubId: 'h', serial: 's', model: 'm', vendorName: 'v', version: '1.0.0' };
const CLAIM = { orgId: 'o', siteId: 's', claimedBy: 'u', claimedAt: 1 };
const HEARTBEAT_MS = 900_000;
const THING = 'h';

/** What may become of a request: done and answered, late, lost on the way there, lost on the way back, refused. */
const fate = fc.constantFrom('ok', 'ok', 'late', 'lost', 'unanswered', 'refused' as const);
const event = fc.oneof(
  fc.record({ type: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
  fc.record({ type: fc.constant('fate' as const), fate }),
  fc.record({ type: fc.constant('set' as const), total: fc.nat(9) }),
  fc.record({ type: fc.constant('quiet' as const), count: fc.nat(9) }),
  fc.record({ type: fc.constant('command' as const), id: fc.nat(99) }),
  fc.constant({ type: 'fall' as const }),
  fc.constant({ type: 'attach' as const }),
  fc.constant({ type: 'deleted' as const }),
  fc.record({
    type: fc.constant('overwritten' as const),
    key: fc.constantFrom('online', 'version', 'claim', 'nodes', 'session', 'lastCommand'),
  }),
  fc.constant({ type: 'lateOffline' as const }),
);

test('whatever the network loses and others write: once it is quiet, the shadow holds the truth within a heartbeat and a comparison', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
      const clock = createSteppedClock();
      const wallClock = { nowMs: () => 1_795_300_000_000 + clock.nowMs() };
      const shadows = createShadowService({
        limits: AWS_LIMITS,
        nowMs: wallClock.nowMs,
        publish: () => {},
        nextUpdateFailure: () => null,
        losesNextResponse: () => false,
      });
      let now: 'ok' | 'late' | 'lost' | 'unanswered' | 'refused' = 'ok';
      let link = 0;
      const write = (request: object) => shadows.update(THING, null, Buffer.from(JSON.stringify(request)));
      const later = (ms: number) => new Promise<void>((resolve) => void clock.schedule(ms, resolve));
      /** A request over the link of now, as the network treats it. */
      async function request<T>(work: () => T): Promise<T> {
        const mine = link;
        const how = now;
        await later(how === 'late' ? 4_000 : 20);
        if (mine !== link) throw new HubError('cloud_disconnected', 'the link fell');
        if (how === 'refused') throw new HubError('shadow_throttled', '429');
        const result = how === 'lost' ? null : work();
        await later(how === 'late' ? 900 : 20);
        if (mine !== link) throw new HubError('cloud_disconnected', 'the link fell');
        if (how === 'lost' || how === 'unanswered') {
          await later(5_000);
          throw new HubError('cloud_timeout', 'no answer');
        }
        return result as T;
      }
      const reporter = createReporter({
        identity: IDENTITY,
        uptimeSeconds: () => clock.nowMs() / 1000,
        wallClock,
        clock,
        entropy: { unit: () => 1 },
        heartbeatMs: HEARTBEAT_MS,
        log: createFakeLog(),
        requestRead() {
          request(() => {
            const document = shadows.get(THING, null);
            return { version: document?.version ?? 0, reported: document?.state.reported ?? {}, desired: document?.state.desired ?? {} };
          }).then(
            // The reader shows no view that an update of ours has overtaken: a new read takes its place.
            (view) =>
              view.version < written
                ? reporterReads()
                : reporter.known({ source: 'read', timestampSeconds: 1, desiredMetadata: {}, ...view }),
            () => {},
          );
        },
        onUpdated: (version) => {
          written = Math.max(written, version);
        },
      });
      const reporterReads = () => {};
      let written = 0;
      let up = false;
      let session = '';
      const attach = () => {
        if (up) return;
        up = true;
        link += 1;
        session = `session-${link}`;
        written = 0;
        reporter.attach(
          {
            updateShadow: (update: ShadowUpdate) =>
              request(() => {
                const state = { ...(update.desired && { desired: update.desired }), ...(update.reported && { reported: update.reported }) };
                const result = write({ state, ...(update.version !== undefined && { version: update.version }) });
                if (result.ok) return result.version;
                throw new HubError(result.code === 413 ? 'shadow_too_large' : 'cloud_refused', String(result.code));
              }),
          },
          session,
        );
      };
      let total = 0;
      let last: string | null = null;
      reporter.set({ claim: CLAIM });
      attach();
      for (const what of events) {
        if (what.type === 'pass') await clock.advance(what.ms);
        else if (what.type === 'fate') now = what.fate;
        else if (what.type === 'set') {
          total = what.total;
          reporter.set({ nodes: { total, available: total, scanComplete: true } });
        } else if (what.type === 'quiet') reporter.set({ alarmsOmitted: what.count }, { quiet: true });
        else if (what.type === 'command') {
          const id = `c${what.id}`;
          reporter.reportCommand({ id, command: 'x', status: 'SUCCEEDED', receivedAt: what.id, resultTopic: 't' }).then(
            () => {
              last = id;
            },
            () => {},
          );
        } else if (what.type === 'fall' && up) {
          up = false;
          link += 1;
          reporter.detach();
        } else if (what.type === 'attach') attach();
        else if (what.type === 'deleted') shadows.remove(THING, null);
        else if (what.type === 'overwritten') write({ state: { reported: { [what.key]: 'else' } } });
        else if (what.type === 'lateOffline') {
          write({ state: { reported: { online: false } } });
          if (up) reporter.refresh();
        }
      }
      now = 'ok';
      attach();
      await clock.advance(2 * HEARTBEAT_MS + MIN_COMPARE_INTERVAL_MS);
      const reported = shadows.get(THING, null)!.state.reported as Record<string, unknown>;
      expect(reported).toMatchObject({ ...IDENTITY, online: true, session, claim: CLAIM });
      if (events.some(({ type }) => type === 'set')) expect(reported.nodes).toEqual({ total, available: total, scanComplete: true });
      if (last !== null) expect((reported.lastCommand as { id: string } | undefined)?.id).toBeDefined();
      expect(reporter.confirmation()).toMatchObject({ unconfirmedMs: null, lastFailure: null });
      reporter.detach();
      expect(clock.timers).toBeLessThanOrEqual(4);
    }),
    { numRuns: 300, seed: 7 },
  );
});
