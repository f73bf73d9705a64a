import { dirname, join, resolve } from 'node:path';
import { ADMIN_SOCKET_NAME } from '../contract/local-sockets.ts';
import type { Files } from '../system/files.ts';
import type { AgentConfig, BusConfig, IdentityDocument } from './config.ts';
import { type CredentialFile, type CredentialsDeps, checkCredentials } from './credentials.ts';
import { type Document, loadDocument } from './document.ts';
import { createResolvePath, type Environment, type ResolvePath } from './paths.ts';
import { type ConfigProblem, configError } from './problems.ts';
import { type AgentDocument, expandAddresses, MAX_SOCKET_PATH_BYTES, rules } from './rules.ts';

export interface LoadConfigOptions {
  identityPath: string;
  agentPath: string;
  files: Pick<Files, 'read'>;
  env: Environment;
  /** The time of day, for the certificate's validity. */
  now: Date;
  /** Whether the clock has been set from the network since boot; null (the default) when unknown. */
  clockSynchronized?: boolean | null;
  paths: CredentialsDeps['paths'];
  proof?: CredentialsDeps['proof'];
  /** Makes paths absolute; the default does it as the service sees them. */
  resolvePath?: ResolvePath;
  /** What is wrong with the key file of a bus; null: nothing. Without it these files are read when the buses are made. */
  keyFileProblem?: (path: string) => Promise<Pick<ConfigProblem, 'message' | 'remedy'> | null>;
}

const CREDENTIALS_REMEDY = 'Start the agent as a service with LoadCredential= for it, or write the path of the file.';

function noCredentials(file: string, field: string, path: string): ConfigProblem {
  return { file, field, message: `"${path}" names a credential, and $CREDENTIALS_DIRECTORY is not set`, remedy: CREDENTIALS_REMEDY };
}

/** The rules of every section that the schema accepts, also when another section is wrong: one run shows all problems. */
async function checkRules({ file, raw, value }: Document<AgentDocument>): Promise<ConfigProblem[]> {
  const sections = value ?? (await import('./explain.ts')).soundSections(raw);
  return Object.entries(rules).flatMap(([name, check]) => {
    const section = sections[name as keyof typeof rules];
    if (section === undefined) return [];
    return (check as (section: unknown) => Omit<ConfigProblem, 'file'>[])(section).map((found) => ({ file, ...found }));
  });
}

/** A credential's file when the document names it properly; otherwise a problem, here or already found by the schema. */
function credentialFile(
  document: Document<unknown>,
  field: string,
  resolvePath: ResolvePath,
  problems: ConfigProblem[],
): CredentialFile | null {
  if (document.problems.some((problem) => problem.field === field)) return null;
  const named = field
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], document.raw);
  if (typeof named !== 'string') return null;
  const path = resolvePath(document.file, named);
  if (path === null) problems.push(noCredentials(document.file, field, named));
  return path === null ? null : { path, file: document.file, field };
}

function resolveBuses(buses: AgentDocument['buses'], file: string, resolvePath: ResolvePath, problems: ConfigProblem[]): BusConfig[] {
  return buses.map((bus, index) => {
    if (bus.protocol === 'zigbee') return { ...bus, path: resolvePath(file, bus.path)! };
    const keysPath = bus.keysPath === undefined ? null : resolvePath(file, bus.keysPath);
    if (bus.keysPath !== undefined && keysPath === null) problems.push(noCredentials(file, `buses[${index}].keysPath`, bus.keysPath));
    const addresses = expandAddresses(bus.addresses).map(({ address }) => address);
    return { ...bus, path: resolvePath(file, bus.path)!, addresses, keysPath };
  });
}

async function checkKeyFiles(
  buses: readonly BusConfig[],
  file: string,
  problemOf: LoadConfigOptions['keyFileProblem'],
): Promise<ConfigProblem[]> {
  const paths = buses.map((bus) => (bus.protocol === 'osdp' ? bus.keysPath : null));
  const found = await Promise.all(paths.map(async (path) => (path === null ? null : ((await problemOf?.(path)) ?? null))));
  return found.flatMap((problem, index) => (problem === null ? [] : [{ file, field: `buses[${index}].keysPath`, ...problem }]));
}

const SOCKET_FIELD = 'local.socketPath';

function checkSocketPath(path: string, file: string): ConfigProblem[] {
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return [];
  return [{ file, field: SOCKET_FIELD, message: tooLong(path), remedy: 'Choose a shorter path.' }];
}

const tooLong = (path: string) => `${path} is longer than the ${MAX_SOCKET_PATH_BYTES} bytes that a Unix socket's path can have`;

/** The admin socket lies beside the configured one. Without it the hub serves all the same: hubctl can change nothing. */
function doubtAdminSocket(path: string, file: string): ConfigProblem[] {
  const admin = join(dirname(path), ADMIN_SOCKET_NAME);
  if (path === admin) {
    const message = `${ADMIN_SOCKET_NAME} is the name of the admin socket in the same folder`;
    return [{ file, field: SOCKET_FIELD, message, remedy: 'Choose another name, such as control.sock.' }];
  }
  if (Buffer.byteLength(admin) <= MAX_SOCKET_PATH_BYTES) return [];
  return [{ file, field: SOCKET_FIELD, message: tooLong(admin), remedy: 'Choose a shorter folder.' }];
}

/**
 * Reads and checks `identity.json`, `agent.json`, and the certificate, key and authorities that they name.
 * @throws HubError `config_invalid` with every problem found; its `details` are `ConfigProblem`s. The process exits with `EX_CONFIG`.
 */
export async function loadConfig(options: LoadConfigOptions): Promise<AgentConfig> {
  const { files, env } = options;
  const resolvePath = options.resolvePath ?? createResolvePath(env);
  const [identity, agent] = await Promise.all([
    loadDocument<IdentityDocument>(files, resolve(options.identityPath), 'identity'),
    loadDocument<AgentDocument>(files, resolve(options.agentPath), 'agent'),
  ]);
  const problems = [...identity.problems, ...agent.problems, ...(await checkRules(agent))];

  const at = {
    certificate: credentialFile(identity, 'certificatePath', resolvePath, problems),
    privateKey: credentialFile(identity, 'privateKeyPath', resolvePath, problems),
    ca: credentialFile(agent, 'cloud.caPath', resolvePath, problems),
  };
  const credentials = await checkCredentials(at, options);
  problems.push(...credentials.problems);

  const buses = agent.value ? resolveBuses(agent.value.buses, agent.file, resolvePath, problems) : [];
  const socketPath = agent.value ? resolvePath(agent.file, agent.value.local.socketPath)! : '';
  problems.push(...checkSocketPath(socketPath, agent.file), ...(await checkKeyFiles(buses, agent.file, options.keyFileProblem)));

  const { expiresAt } = credentials;
  const { certificate, privateKey, authorities } = credentials.credentials;
  if (problems.length > 0 || !identity.value || !agent.value || !at.certificate || !at.privateKey || !at.ca || !expiresAt) {
    throw configError(problems);
  }
  const { $schema: _identityEditor, ...hub } = identity.value;
  const { $schema: _agentEditor, ...rest } = agent.value;
  return {
    ...rest,
    identity: { ...hub, thingName: hub.thingName ?? hub.hubId, certificatePath: at.certificate.path, privateKeyPath: at.privateKey.path },
    cloud: { ...rest.cloud, caPath: at.ca.path },
    stateDirectory: resolvePath(agent.file, rest.stateDirectory)!,
    buses,
    wifi: { ...rest.wifi, interface: rest.wifi.interface ?? null },
    local: { socketPath },
    tls: { certificate: certificate!, privateKey: privateKey!, authorities: authorities! },
    certificateExpiresAt: expiresAt,
    warnings: [...credentials.warnings, ...doubtAdminSocket(socketPath, agent.file)],
  };
}
