import { pathFor } from '../../config/credential-paths.ts';
import { MQTT_PORT, portsOf } from '../../contract/endpoint.ts';
import type { Places } from '../cli/locate.ts';
import type { Settings } from '../doctor/check.ts';

type Json = Record<string, unknown>;
const objectOf = (value: unknown): Json => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {});
const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** The settings that the checks follow, from files that may be wrong. */
export function settingsOf(places: Omit<Places, 'unreadable'>): Settings {
  const pathIn = (file: string, value: unknown): string | null => {
    const path = textOf(value);
    return path === null ? null : pathFor(places.credentialsDirectory, file, path);
  };
  const { identity, config, identityPath, configPath } = places;
  const cloud = objectOf(config.cloud);
  const port = typeof cloud.port === 'number' ? cloud.port : MQTT_PORT;
  const given = cloud.fallbackPort;
  const [, fallbackPort = null] = portsOf(port, given === undefined || typeof given === 'number' ? given : null);
  const wifi = objectOf(config.wifi);
  const intake = objectOf(config.commands).intake;
  const buses = (Array.isArray(config.buses) ? config.buses : []).map(objectOf);
  return {
    endpoint: textOf(cloud.endpoint),
    port,
    fallbackPort,
    thingName: textOf(identity.thingName) ?? textOf(identity.hubId),
    shadowName: textOf(cloud.shadowName),
    executions: Array.isArray(intake) && intake.includes('executions'),
    certificatePath: pathIn(identityPath, identity.certificatePath),
    privateKeyPath: pathIn(identityPath, identity.privateKeyPath),
    caPath: pathIn(configPath, cloud.caPath),
    buses: buses.flatMap((bus) => {
      const id = textOf(bus.id);
      const path = pathIn(configPath, bus.path);
      if (id === null || path === null) return [];
      return [{ id, path, baudRate: String(bus.baudRate ?? 9600), keysPath: pathIn(configPath, bus.keysPath) }];
    }),
    wifi: { backend: textOf(wifi.backend) ?? 'auto', interface: textOf(wifi.interface) },
  };
}
