import { agentSchema } from '../../config/agent-schema.ts';
import { pathFor } from '../../config/credential-paths.ts';
import { identitySchema } from '../../config/identity-schema.ts';
import { readLeniently } from '../../config/lenient.ts';
import { portsOf } from '../../contract/endpoint.ts';
import type { Places } from '../cli/locate.ts';
import type { Settings } from '../doctor/check.ts';

/** The settings that the checks follow, from files that may be wrong. */
export function settingsOf({ config, identity, configPath, identityPath, credentialsDirectory }: Omit<Places, 'unreadable'>): Settings {
  const pathIn = (file: string, path: string | undefined) => (path === undefined ? null : pathFor(credentialsDirectory, file, path));
  const hub = readLeniently(identitySchema, identity);
  const { cloud = {}, wifi = {}, commands = {}, update = {}, buses = [] } = readLeniently(agentSchema, config);
  const [port, fallbackPort = null] = portsOf(cloud.port!, cloud.fallbackPort);
  return {
    endpoint: cloud.endpoint ?? null,
    port: port!,
    fallbackPort,
    thingName: hub.thingName ?? hub.hubId ?? null,
    shadowName: cloud.shadowName ?? null,
    executions: commands.intake?.includes('executions') === true,
    jobs: update.jobs === true,
    certificatePath: pathIn(identityPath, hub.certificatePath),
    privateKeyPath: pathIn(identityPath, hub.privateKeyPath),
    caPath: pathIn(configPath, cloud.caPath),
    buses: buses.flatMap((bus) => {
      const path = pathIn(configPath, bus?.path);
      if (bus?.id === undefined || path === null) return [];
      const keysPath = 'keysPath' in bus ? bus.keysPath : undefined;
      return [
        { id: bus.id, protocol: bus.protocol ?? 'osdp', path, baudRate: String(bus.baudRate), keysPath: pathIn(configPath, keysPath) },
      ];
    }),
    wifi: { backend: wifi.backend!, interface: wifi.interface ?? null },
  };
}
