import { createRandom } from '../../support/random.ts';
import type { Broker } from './broker.ts';
import { type FaultState, noFaults } from './fault-state.ts';
import type { IotCoreFaults } from './types.ts';

export interface FaultsDeps {
  state: FaultState;
  broker: Pick<Broker, 'kick' | 'drop' | 'silence'>;
  redeliverDelta(thingName: string): void;
  shiftClock(byMs: number): void;
}

/** The switches of misbehaviour. Some act at once, the others change what the broker looks up in the state. */
export function createFaults({ state, broker, redeliverDelta, shiftClock }: FaultsDeps): IotCoreFaults {
  return {
    kick: broker.kick,
    drop: broker.drop,
    halfOpen: broker.silence,
    delay: (clientId, delayMs) => void state.delayMs.set(clientId, delayMs),
    denySubscribe: (prefix) => void state.deniedSubscribes.push(prefix),
    allowSubscribe(prefix) {
      state.deniedSubscribes = state.deniedSubscribes.filter((denied) => denied !== prefix);
    },
    denyPublish: (prefix) => void state.deniedPublishes.push(prefix),
    lateWill: (clientId, delayMs) => void state.lateWillMs.set(clientId, delayMs),
    duplicateWill: (clientId, count) => void state.duplicateWills.set(clientId, count),
    losePubacks(count, topicPrefix = '') {
      state.lostPubacks = { count, prefix: topicPrefix };
    },
    duplicatePubacks(count) {
      state.duplicatePubacks = count;
    },
    loseShadowResponses(count) {
      state.lostShadowResponses = count;
    },
    failShadowUpdates(count, code) {
      state.failingShadowUpdates = { count, code };
    },
    throttleJobs(count) {
      state.throttledJobsRequests = count;
    },
    loseJobsResponses(count) {
      state.lostJobsResponses = count;
    },
    redeliverDelta,
    disturbLifecycle(maxDelayMs, duplicateShare, seed) {
      state.lifecycle = maxDelayMs > 0 ? { maxDelayMs, duplicateShare, random: createRandom(seed).unit } : null;
    },
    blockPort(blocked) {
      state.portBlocked = blocked;
    },
    refuseConnect(reasonCode) {
      state.refuseConnect = reasonCode;
    },
    withoutCommandsFeature(missing) {
      state.commandsFeatureMissing = missing;
    },
    shiftClock,
    clear: () => void Object.assign(state, noFaults()),
  };
}
