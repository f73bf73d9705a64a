import type { Cloud } from '../cloud/cloud.ts';
import { createSdkTransport } from '../cloud/connection/sdk-transport.ts';
import type { Transport } from '../cloud/connection/transport.ts';
import type { CommandsCloud } from '../commands/cloud-port.ts';
import type { AgentConfig } from '../config/config.ts';
import type { MonotonicClock } from '../system/clock.ts';
import type { Entropy } from '../system/entropy.ts';
import type { Guard } from '../system/guard.ts';

/** The cloud as the commands see it. Made before the cloud is: each needs the other. */
export function commandsCloud(cloud: () => Cloud): CommandsCloud {
  return {
    readShadow: () => cloud().readShadow(),
    clearCommand: (at, lastCommand) => cloud().clearCommand(at, lastCommand),
    reportCommand: (lastCommand) => cloud().reportCommand(lastCommand),
    publish: (topic, payload) => cloud().publish(topic, payload),
  };
}

/** The SDK's transport with the configured identity. */
export function sdkTransport(
  { identity, cloud, tls }: AgentConfig,
  deps: { clock: MonotonicClock; entropy: Entropy; guard: Guard },
): Transport {
  return createSdkTransport({ thingName: identity.thingName, shadowName: cloud.shadowName, tls, ...deps });
}
