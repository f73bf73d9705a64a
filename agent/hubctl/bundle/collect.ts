import { X509Certificate } from 'node:crypto';
import type { ZodType } from 'zod';
import { agentSchema } from '../../config/agent-schema.ts';
import { identitySchema } from '../../config/identity-schema.ts';
import type { CommandReport } from '../../control/api.ts';
import { readRegularFile } from '../../system/regular-file.ts';
import type { CommandContext } from '../cli/command.ts';
import { attempt } from '../cli/failure.ts';
import { readOffline } from '../cli/offline.ts';
import { summaryLine } from '../commands/doctor.ts';
import { runDoctor } from '../doctor/doctor.ts';
import { settingsOf } from '../machine/settings.ts';
import { allowedFields } from './allowed-fields.ts';

/** A text of the bundle, before it is redacted. */
export interface BundleText {
  name: string;
  text: string;
}

const LOG_LINES = 2_000;
/** What a file of the system may hold; more is no help. */
const SYSTEM_FILES = [
  '/etc/os-release',
  '/proc/version',
  '/proc/meminfo',
  '/proc/loadavg',
  '/proc/uptime',
  '/proc/mounts',
  '/proc/net/route',
  '/etc/resolv.conf',
];

const pretty = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** Everything that support asks for, whether or not the agent runs. Nothing in here throws for want of a source. */
export async function collectBundle({ client, ports, places }: CommandContext): Promise<BundleText[]> {
  const ask = async (path: string) => {
    const { value, problem } = await attempt(client.get(path, (value) => value));
    return value ?? { problem: problem?.message };
  };
  const [status, nodes, commands, wifi, offline, checks, logs, journal, service, host] = await Promise.all([
    ask('/v1/status'),
    ask('/v1/nodes'),
    ask('/v1/commands') as Promise<{ commands?: CommandReport[] }>,
    ask('/v1/wifi'),
    readOffline(places.stateDirectory, ports.paths),
    runDoctor({ ...ports, client, places }, [], () => {}),
    linesOf((onLine) => attempt(client.lines({ path: `/v1/logs?lines=${LOG_LINES}` }, onLine))),
    linesOf((onLine) => ports.journal({ lines: LOG_LINES, follow: false }, onLine)),
    ports.service(),
    ports.host(places.stateDirectory).collect(),
  ]);
  const settings = settingsOf(places);
  const system = await Promise.all(SYSTEM_FILES.map(async (path) => ({ name: `system${path}`, text: await textOf(path) })));
  return [
    {
      name: 'doctor.txt',
      text: `${checks.map(({ check, status: mark, finding, remedy }) => `${mark}\t${check}\t${finding}${remedy ? `\t-> ${remedy}` : ''}`).join('\n')}\n${summaryLine(checks)}\n`,
    },
    { name: 'doctor.json', text: pretty(checks) },
    { name: 'status.json', text: pretty(status) },
    { name: 'nodes.json', text: pretty(nodes) },
    { name: 'commands.json', text: pretty(commands) },
    { name: 'wifi.json', text: pretty(wifi) },
    { name: 'disk-state.json', text: pretty(offline) },
    { name: 'config/agent.json', text: await configText(places.configPath, agentSchema) },
    { name: 'config/identity.json', text: await configText(places.identityPath, identitySchema) },
    { name: 'config/certificate.txt', text: await certificateText(settings.certificatePath) },
    { name: 'logs/agent.jsonl', text: logs },
    { name: 'logs/journal.jsonl', text: journal },
    { name: 'system/service.json', text: pretty(service) },
    // The process that was measured is hubctl's own: the agent's is in its status.
    { name: 'system/host.json', text: pretty({ ...host, memory: { ...host.memory, agentRssBytes: undefined } }) },
    {
      name: 'versions.json',
      text: pretty({ hubctl: ports.version, node: process.versions.node, openssl: process.versions.openssl, arch: process.arch }),
    },
    ...system,
  ];
}

async function linesOf(run: (onLine: (line: string) => void) => Promise<unknown>): Promise<string> {
  const lines: string[] = [];
  await run((line) => void lines.push(line));
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

const textOf = (path: string) => readRegularFile(path).then(String, (error: NodeJS.ErrnoException) => `${path}: ${error.code}\n`);

/** The part of a configuration file that the schema has. */
const configText = (path: string, schema: ZodType) =>
  readRegularFile(path).then(
    (data) => pretty(allowedFields(schema, data.toString('utf8'))),
    (error: NodeJS.ErrnoException) => `${path}: ${error.code}\n`,
  );

/** The public content of a certificate; its key is not in it. */
async function certificateText(path: string | null): Promise<string> {
  try {
    const { subject, issuer, validFrom, validTo, serialNumber, fingerprint256 } = new X509Certificate(await readRegularFile(path!));
    return pretty({ subject, issuer, validFrom, validTo, serialNumber, fingerprint256 });
  } catch (error) {
    return `${path}: ${(error as NodeJS.ErrnoException).code ?? 'not readable'}\n`;
  }
}
