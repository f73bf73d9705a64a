import type { WallClock } from '../../../agent/system/clock.ts';
import { type Answer, failure, invalid, shadowWriteFailed } from './answers.ts';
import { checkClaimBody, checkCommandBody, checkProvisionBody, type JsonObject } from './bodies.ts';
import type { Hubs } from './hubs.ts';
import type { Claim, HubRecord, HubStatusAnswer, IotBackend, Principal, SendWhileOffline } from './types.ts';

/** The four calls. `pathId` is the id in the path, `body` a JSON object of unknown content. */
export interface Calls {
  provisionHub(principal: Principal, pathId: string, body: JsonObject): Answer;
  claimHub(principal: Principal, pathId: string, body: JsonObject): Answer;
  sendHubCommand(principal: Principal, pathId: string, body: JsonObject): Answer;
  status(principal: Principal, pathId: string): Answer;
}

/** What happened to a hub, as the answer of the call that made it happen tells. */
interface HubEvent {
  type: 'HubProvisioned' | 'HubClaimed';
  data: object;
}

const NOT_FOUND = failure(404);
const HUB_OFFLINE = failure(502);

/** A hub of a foreign organisation is as good as none: 404 tells nothing about it. A hub that nobody owns yet is open to every key. */
function mayReach(principal: Principal, hub: HubRecord): boolean {
  return principal.super || hub.claim === null || hub.claim.orgId === principal.orgId;
}

export function createCalls(deps: { iotCore: IotBackend; hubs: Hubs; wallClock: WallClock; sendWhileOffline: SendWhileOffline }): Calls {
  const { iotCore, hubs, wallClock, sendWhileOffline } = deps;

  function reported(hub: HubRecord): JsonObject {
    return iotCore.shadow(hub.thingName).get()?.state.reported ?? {};
  }

  /** Null when the shadow took it; else the answer to give. */
  function writeDesired(hub: HubRecord, desired: JsonObject): Answer | null {
    const result = iotCore.shadow(hub.thingName).update({ state: { desired } });
    return result.ok ? null : shadowWriteFailed(`${result.code} ${result.message}`);
  }

  return {
    provisionHub(_principal, pathId, body) {
      const checked = checkProvisionBody(body, pathId);
      if (!checked.ok) return failure(400, checked.problems);
      const { hubId, serial, model, thingName = hubId, vendorName } = checked.value;
      const known = hubs.find(hubId);
      if (known) return { status: 200, body: { success: true, aggregateId: known.hubId, version: known.version, event: null } };
      if (!iotCore.hasThing(thingName)) return invalid('thingName', `Thing "${thingName}" does not exist in AWS IoT`);

      const data = { hubId, serial, model, thingName, ...(vendorName !== undefined && { vendorName }), provisionedAt: wallClock.nowMs() };
      const { version } = hubs.provision(data);
      const event: HubEvent = { type: 'HubProvisioned', data };
      return { status: 201, body: { success: true, aggregateId: hubId, version, event } };
    },

    claimHub(principal, pathId, body) {
      const checked = checkClaimBody(body, pathId);
      if (!checked.ok) return failure(400, checked.problems);
      const { hubId, orgId = principal.orgId, siteId, userId } = checked.value;
      if (orgId !== principal.orgId && !principal.super) {
        return failure(403, [{ field: 'orgId', message: 'orgId is not the organization of the authenticated key' }]);
      }
      const hub = hubs.find(hubId);
      // Made in the factory but never registered here is "not provisioned"; a hub that AWS does not know either does not exist.
      if (!hub) return iotCore.hasThing(hubId) ? invalid('hubId', 'Hub is not provisioned') : NOT_FOUND;
      if (hub.status !== 'Provisioned') {
        return invalid('hubId', hub.claim ? 'Hub is already claimed' : `Hub is ${hub.status.toLowerCase()}`);
      }
      if (reported(hub).online !== true) return HUB_OFFLINE;

      const claim: Claim = { orgId, siteId, claimedBy: userId, claimedAt: wallClock.nowMs() };
      const refusal = writeDesired(hub, { claim });
      if (refusal) return refusal;
      hubs.claim(hub, claim);
      const event: HubEvent = { type: 'HubClaimed', data: { hubId: hub.hubId, ...claim, isPrimary: hub.isPrimary } };
      return { status: 200, body: { success: true, aggregateId: hub.hubId, version: hub.version, event } };
    },

    sendHubCommand(principal, pathId, body) {
      const checked = checkCommandBody(body, pathId);
      if (!checked.ok) return failure(400, checked.problems);
      const { hubId, command, args } = checked.value;
      const hub = hubs.find(hubId);
      if (!hub || !mayReach(principal, hub)) return NOT_FOUND;
      if (sendWhileOffline === 'refuse' && reported(hub).online !== true) return HUB_OFFLINE;

      // Verbatim: args that the caller left out are not written, so older ones in the shadow stay and merge with this command.
      const refusal = writeDesired(hub, args === undefined ? { command } : { command, args });
      return refusal ?? { status: 200, body: { success: true, aggregateId: hub.hubId, version: hub.version, event: null } };
    },

    status(principal, pathId) {
      const hub = hubs.find(pathId);
      if (!hub || !mayReach(principal, hub)) return NOT_FOUND;
      const { online, lastSeen, version, uptimeSeconds } = reported(hub);
      const body: HubStatusAnswer = {
        hubId: hub.hubId,
        serial: hub.serial,
        model: hub.model,
        thingName: hub.thingName,
        status: hub.status,
        ...(hub.claim && { orgId: hub.claim.orgId, siteId: hub.claim.siteId, claimedAt: hub.claim.claimedAt }),
        isPrimary: hub.isPrimary,
        provisionedAt: hub.provisionedAt,
        online: online === true,
        ...(typeof lastSeen === 'number' && { lastSeen }),
        ...(typeof version === 'string' && { version }),
        ...(typeof uptimeSeconds === 'number' && { uptimeSeconds }),
      };
      return { status: 200, body };
    },
  };
}
