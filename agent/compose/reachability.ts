import type { Cloud } from '../cloud/cloud.ts';
import type { BoundProofOptions } from '../cloud/connection/bound-proof.ts';
import type { AgentConfig } from '../config/config.ts';
import { presencePayload } from '../contract/presence.ts';
import { topicsOf } from '../contract/topics.ts';
import type { WallClock } from '../system/clock.ts';
import type { Entropy } from '../system/entropy.ts';
import type { Guard } from '../system/guard.ts';
import { version } from '../system/version.ts';
import type { CloudProof } from '../wifi/change/proof.ts';

/** The proof of a Wi-Fi network by the cloud: a new MQTT session over it, with an acknowledged publish. */
export function createCloudProof(deps: {
  cloud: () => Cloud;
  config: AgentConfig;
  wallClock: WallClock;
  entropy: Entropy;
  guard: Guard;
}): CloudProof {
  const { config, wallClock, entropy, guard } = deps;
  const { identity, tls } = config;
  const { thingName } = identity;

  /** The proof's session has its own birth and will, as every session has. */
  function presence(): Pick<BoundProofOptions, 'publish' | 'will'> {
    const { presence: topic } = topicsOf(thingName);
    const session = entropy.uuid();
    const payload = (state: 'online' | 'offline') => presencePayload({ state, session, at: wallClock.nowMs(), version });
    return { publish: { topic, payload: payload('online'), retain: true }, will: { topic, payload: payload('offline') } };
  }

  return {
    // With another network as the uplink our own session would prove that one: Wi-Fi's address is proven beside it.
    prove(signal, { localAddress } = {}) {
      if (localAddress === undefined) return deps.cloud().reachable(signal, { fresh: true });
      return deps.cloud().withoutSession(async (target) => {
        // Rarely needed: an agent without Ethernet starts without it.
        const { proveFromAddress } = await import('../cloud/connection/bound-proof.ts');
        return proveFromAddress({ target, clientId: thingName, tls, localAddress, guard, ...presence() }, signal);
      });
    },
    waitReachable: (signal) => deps.cloud().reachable(signal),
  };
}
