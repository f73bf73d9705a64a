import type { Claim, HubRecord, HubStatus } from './types.ts';

/** The backend's hubs. Every change is one event of the hub and counts its `version` up by one. */
export interface Hubs {
  find(hubId: string): HubRecord | null;
  provision(hub: Pick<HubRecord, 'hubId' | 'serial' | 'model' | 'thingName' | 'vendorName' | 'provisionedAt'>): HubRecord;
  claim(hub: HubRecord, claim: Claim): void;
  /** `Provisioned` also releases the claim. */
  setStatus(hub: HubRecord, status: Exclude<HubStatus, 'Claimed'>): void;
}

export function createHubs(): Hubs {
  /** By the id in lower case. */
  const hubs = new Map<string, HubRecord>();

  function siteHasPrimary(claim: Claim): boolean {
    return [...hubs.values()].some((hub) => hub.isPrimary && hub.claim?.orgId === claim.orgId && hub.claim.siteId === claim.siteId);
  }

  return {
    find: (hubId) => hubs.get(hubId.toLowerCase()) ?? null,

    provision(facts) {
      const hub: HubRecord = { ...facts, status: 'Provisioned', claim: null, isPrimary: false, version: 1 };
      hubs.set(hub.hubId.toLowerCase(), hub);
      return hub;
    },

    claim(hub, claim) {
      hub.isPrimary = !siteHasPrimary(claim);
      hub.claim = claim;
      hub.status = 'Claimed';
      hub.version += 1;
    },

    setStatus(hub, status) {
      if (status === 'Provisioned') {
        hub.claim = null;
        hub.isPrimary = false;
      }
      hub.status = status;
      hub.version += 1;
    },
  };
}
