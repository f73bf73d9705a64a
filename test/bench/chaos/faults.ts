import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../hil/rig/until.ts';
import { requestAgain } from './backend.ts';
import { BOUND_MS, type ChaosHub } from './hub.ts';
import type { CloudFault, HostFault, Moment, Scheduled } from './plan.ts';

/** Counts by kind. */
export type FaultCounts = Record<string, number>;

/** A moment that does not come for so long is not waited for any more. */
const MOMENT_TIMEOUT_MS = 3_000;
/** A hub that is not online by then gets its next fault all the same. */
const CALM_TIMEOUT_MS = 20_000;
/** MQTT 5, 2.4: quota exceeded, which AWS answers to a CONNECT when it throttles. */
const QUOTA_EXCEEDED = 0x97;

/** Injects one fault after the other until `signal` aborts; each of those that last is over when the next one begins. */
export async function runFaults<Fault extends CloudFault | HostFault>(
  plan: Generator<Scheduled<Fault>>,
  inject: (fault: Fault) => Promise<void>,
  options: { hub: ChaosHub; counts: FaultCounts; signal: AbortSignal },
): Promise<void> {
  const { hub, counts, signal } = options;
  for (const { pauseMs, calm, ...fault } of plan) {
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
    if (calm) await online(hub, signal);
    if (signal.aborted) return;
    hub.note(`FAULT ${JSON.stringify(fault)}`);
    counts[fault.kind] = (counts[fault.kind] ?? 0) + 1;
    await inject(fault as unknown as Fault);
  }
}

/** Resolves once the API shows the hub online, or the time is over. */
function online({ rig, changed }: ChaosHub, signal: AbortSignal): Promise<unknown> {
  const look = () => signal.aborted || rig.reported().online === true;
  return until(changed, 'online', look, CALM_TIMEOUT_MS).catch(() => {});
}

/** Faults of the network and of AWS IoT. */
export async function injectCloudFault(hub: ChaosHub, fault: CloudFault): Promise<void> {
  const { rig } = hub;
  const { iotCore, hubId } = rig;
  const { faults } = iotCore;
  switch (fault.kind) {
    case 'restartBroker':
      await iotCore.stop();
      await sleep(fault.downMs);
      return await iotCore.start();
    case 'kick':
      return void faults.kick(hubId);
    case 'drop':
      return void faults.drop(hubId);
    case 'halfOpen':
      hub.halfOpen();
      // Long enough for both sides to notice before the next fault hides it.
      return await sleep(BOUND_MS / 2);
    case 'delay':
      faults.delay(hubId, fault.delayMs);
      await sleep(fault.forMs);
      return faults.delay(hubId, 0);
    case 'losePubacks':
      return faults.losePubacks(fault.count);
    case 'duplicatePubacks':
      return faults.duplicatePubacks(fault.count);
    case 'loseShadowAnswers':
      return faults.loseShadowResponses(fault.count);
    case 'duplicateShadowAnswers':
      return duplicateShadowAnswers(hub, fault.count);
    case 'failUpdates':
      return faults.failShadowUpdates(fault.count, fault.code);
    case 'redeliverDelta':
      for (let times = 0; times < fault.times; times += 1) faults.redeliverDelta(hubId);
      return;
    case 'redeliverRequest': {
      const known = hub.ledger.executions();
      for (const { id, plan } of known.slice(-3)) requestAgain(hub, id, plan);
      return;
    }
    case 'lateWill':
      faults.lateWill(hubId, fault.delayMs);
      if (fault.twice) faults.duplicateWill(hubId, 1);
      faults.drop(hubId);
      return faults.lateWill(hubId, 0);
    case 'lateRule':
      lateRule(hub, fault.delayMs);
      return void faults.drop(hubId);
    case 'disturbLifecycle':
      return faults.disturbLifecycle(fault.maxDelayMs, 0.3, fault.seed);
    case 'refuseConnect':
      faults.refuseConnect(QUOTA_EXCEEDED);
      faults.drop(hubId);
      await sleep(fault.forMs);
      return faults.refuseConnect(null);
    case 'cloudClock':
      return faults.shiftClock(fault.byMs);
    case 'claim': {
      const claim = { orgId: 'org-1', siteId: fault.siteId, claimedBy: 'user-1', claimedAt: Date.now() };
      return void iotCore.shadow(hubId).update({ state: { desired: { claim } } });
    }
  }
}

/**
 * The next `offline` is copied into the shadow as AWS's own rule does it: the condition is judged when the message comes, the write follows
 * later and asks no more (a republish to `shadow/update`).
 */
function lateRule({ rig }: ChaosHub, delayMs: number): void {
  const unsubscribe = rig.onMessage(({ topic, payload }) => {
    if (topic !== `hubs/${rig.hubId}/presence`) return;
    const { state, session } = JSON.parse(payload.toString('utf8')) as { state: string; session: string };
    if (state !== 'offline') return;
    unsubscribe();
    if (rig.reported().session !== session) return;
    setTimeout(() => rig.iotCore.shadow(rig.hubId).update({ state: { reported: { online: false } } }), delayMs).unref();
  });
}

/** Publishes the next so many answers of the Shadow service a second time. */
function duplicateShadowAnswers({ rig }: ChaosHub, count: number): void {
  let left = count;
  const unsubscribe = rig.onMessage(({ topic, payload, clientId }) => {
    if (clientId !== null || !/\/shadow\/(update|get)\/(accepted|rejected)$/.test(topic)) return;
    left -= 1;
    if (left <= 0) unsubscribe();
    if (left >= 0) setImmediate(() => rig.iotCore.publish(topic, payload));
  });
}

/** Faults of the hub itself. */
export async function injectHostFault(hub: ChaosHub, fault: HostFault): Promise<void> {
  switch (fault.kind) {
    case 'kill':
    case 'terminate':
      if (fault.moment) await momentOf(hub, fault.moment);
      await sleep(fault.delayMs);
      await hub.end(fault.kind === 'kill' ? 'kill' : 'stop');
      await sleep(fault.downMs);
      return hub.launch();
    case 'hang':
      hub.hang(true);
      await sleep(fault.forMs);
      return hub.hang(false);
    case 'hubClock':
      await hub.setClock(fault.byMs);
      await sleep(fault.forMs);
      return await hub.setClock(0);
    case 'diskFull': {
      const pid = hub.agent()?.pid ?? null;
      await hub.disk.fill(pid, fault.freePages);
      await sleep(fault.forMs);
      return await hub.disk.free(pid);
    }
  }
}

function momentOf(hub: ChaosHub, wanted: Moment): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      unsubscribe();
      resolve();
    };
    const timer = setTimeout(done, MOMENT_TIMEOUT_MS);
    const unsubscribe = hub.onMoment((moment) => {
      if (moment === wanted) done();
    });
  });
}

/** Ends every fault: from here on all must come right by itself. */
export async function heal(hub: ChaosHub): Promise<void> {
  hub.note('HEALED');
  hub.rig.iotCore.faults.clear();
  await hub.rig.iotCore.start();
  await hub.disk.free(hub.agent()?.pid ?? null);
  await hub.setClock(0);
  if (!hub.agent()) hub.launch();
}
