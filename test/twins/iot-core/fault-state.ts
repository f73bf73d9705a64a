import type { Disturbance } from './lifecycle.ts';

/** The faults in force. The broker asks; `IotCoreFaults` sets. */
export interface FaultState {
  delayMs: Map<string, number>;
  deniedSubscribes: string[];
  deniedPublishes: string[];
  lateWillMs: Map<string, number>;
  duplicateWills: Map<string, number>;
  lostPubacks: { count: number; prefix: string };
  duplicatePubacks: number;
  lostShadowResponses: number;
  failingShadowUpdates: { count: number; code: number };
  throttledJobsRequests: number;
  lostJobsResponses: number;
  lifecycle: Disturbance | null;
  refuseConnect: number | null;
  portBlocked: boolean;
  commandsFeatureMissing: boolean;
}

export function noFaults(): FaultState {
  return {
    delayMs: new Map(),
    deniedSubscribes: [],
    deniedPublishes: [],
    lateWillMs: new Map(),
    duplicateWills: new Map(),
    lostPubacks: { count: 0, prefix: '' },
    duplicatePubacks: 0,
    lostShadowResponses: 0,
    failingShadowUpdates: { count: 0, code: 0 },
    throttledJobsRequests: 0,
    lostJobsResponses: 0,
    lifecycle: null,
    refuseConnect: null,
    portBlocked: false,
    commandsFeatureMissing: false,
  };
}

/** Uses up one of the next publishes whose PUBACK is lost. */
export function takesPuback(state: FaultState, topic: string): boolean {
  if (state.lostPubacks.count === 0 || !topic.startsWith(state.lostPubacks.prefix)) return false;
  state.lostPubacks.count--;
  return true;
}

/** How often the next PUBACK is sent. */
export function takePubackCopies(state: FaultState): number {
  if (state.duplicatePubacks === 0) return 1;
  state.duplicatePubacks--;
  return 2;
}

export function takesShadowResponse(state: FaultState): boolean {
  if (state.lostShadowResponses === 0) return false;
  state.lostShadowResponses--;
  return true;
}

/** The code that the next shadow update is refused with; null: it is not. */
export function takeShadowFailure(state: FaultState): number | null {
  if (state.failingShadowUpdates.count === 0) return null;
  state.failingShadowUpdates.count--;
  return state.failingShadowUpdates.code;
}

export function takeDuplicateWill(state: FaultState, clientId: string): boolean {
  const count = state.duplicateWills.get(clientId) ?? 0;
  if (count === 0) return false;
  state.duplicateWills.set(clientId, count - 1);
  return true;
}

/** Uses up one of the next requests to the Jobs service that are refused as too many. */
export function takesJobsRequest(state: FaultState): boolean {
  if (state.throttledJobsRequests === 0) return false;
  state.throttledJobsRequests--;
  return true;
}

/** Uses up one of the next answers of the Jobs service that are lost. */
export function takesJobsResponse(state: FaultState): boolean {
  if (state.lostJobsResponses === 0) return false;
  state.lostJobsResponses--;
  return true;
}
