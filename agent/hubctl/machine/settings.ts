import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MQTT_PORT, portsOf } from '../../contract/endpoint.ts';
import type { Places } from '../cli/locate.ts';
import type { Settings } from '../doctor/check.ts';

/** Where systemd puts the service's credentials while it runs (systemd.exec(5)), and where the unit loads them from. */
const CREDENTIALS = ['/run/credentials/hub-agent.service', '/etc/hub-agent'];
/** What systemd opens for the service. */
export const CREDENTIAL_PREFIX = 'credential:';
const KEYS = 'keys_';

type Json = Record<string, unknown>;
const objectOf = (value: unknown): Json => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {});
const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** The folder that `credential:NAME` points into, for somebody who is not the service. */
export function credentialsDirectory(env: Readonly<Record<string, string | undefined>>): string {
  return env.CREDENTIALS_DIRECTORY ?? CREDENTIALS.find((path) => existsSync(path)) ?? CREDENTIALS[1]!;
}

/** A folder given to LoadCredential= has its files as `FOLDER_FILE` in the service (systemd.exec(5)), and as they are at their source. */
function credentialPath(directory: string, name: string): string {
  const key = directory === CREDENTIALS[1] && name.startsWith(KEYS) ? join('keys', name.slice(KEYS.length)) : name;
  return join(directory, key);
}

/** A path of the configuration for somebody who is not the service: relative to its file, or where the credential is now. */
export function pathFor(env: Readonly<Record<string, string | undefined>>, file: string, path: string): string {
  return path.startsWith(CREDENTIAL_PREFIX)
    ? credentialPath(credentialsDirectory(env), path.slice(CREDENTIAL_PREFIX.length))
    : resolve(dirname(file), path);
}

/** The settings that the checks follow, from files that may be wrong. */
export function settingsOf(places: Omit<Places, 'unreadable'>, env: Readonly<Record<string, string | undefined>>): Settings {
  const pathIn = (file: string, value: unknown): string | null => {
    const path = textOf(value);
    return path === null ? null : pathFor(env, file, path);
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
