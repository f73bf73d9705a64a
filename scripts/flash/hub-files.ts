import { createHash } from 'node:crypto';
import { dirname, isAbsolute, resolve } from 'node:path';
import { agentSchema } from '../../agent/config/agent-schema.ts';
import { CREDENTIAL_PREFIX } from '../../agent/config/paths.ts';
import { parseCertificates } from '../../agent/config/pem.ts';
import { fieldPath } from '../../agent/config/problems.ts';
import { rules } from '../../agent/config/rules.ts';
import { MAX_FILE_BYTES, readRegularFile } from '../../agent/system/regular-file.ts';
import type { HubCredentials } from './credentials.ts';
import type { ManifestRow } from './manifest.ts';
import { Refused, type RowProblem } from './problems.ts';
import { readJson, readText } from './text.ts';

/** Where a hub's own files lie, from the root of its file system. */
export const HUB_FOLDER = 'etc/hub-agent';
/** Where a hub that runs keeps what it remembers, from the same root. */
export const STATE_FOLDER = 'var/lib/hub-agent';
/** Written last: the unit does not start without it, so a hub without it is a hub that was not flashed. */
export const LAST_FILE = 'identity.json';

/** The authorities lie beside agent.json, under a name that needs no quotes. */
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** A file of a hub, by its name in the hub's folder. Owner root; the group comes at boot from tmpfiles.d. */
export interface HubFile {
  name: string;
  mode: number;
  data: Buffer;
}

/** What all hubs of a batch have in common: `agent.json` and the authorities that it names. */
export type CommonFiles = readonly HubFile[];

/** The common files, and what the hub needs besides: a sentence each. */
export interface CommonRead {
  files: CommonFiles;
  warnings: string[];
}

/** Names in the hub's folder that are its own: an authority under one of them would be overwritten, or in the way. */
const OWN_NAMES = ['agent.json', 'certificate.pem', 'private-key.pem', LAST_FILE, 'credentials', 'keys'];

function refuse(field: string, message: string, remedy: string): RowProblem {
  return { row: null, field, message, remedy };
}

/** The authorities that `cloud.caPath` names, when they lie beside agent.json; null when they come with the hub's image. @throws Refused */
async function readAuthorities(configPath: string, caPath: string, now: Date): Promise<HubFile | null> {
  if (isAbsolute(caPath) || caPath.startsWith(CREDENTIAL_PREFIX)) return null;
  const stop = (message: string, remedy: string): never => {
    throw new Refused([refuse('--config cloud.caPath', message, remedy)]);
  };
  if (!PLAIN_NAME.test(caPath)) stop(`${caPath} is no plain name`, 'Put it beside agent.json.');
  if (OWN_NAMES.includes(caPath)) stop(`${caPath} is the name of one of the hub's own files`, 'Name it otherwise, such as ca.pem.');
  const path = resolve(dirname(configPath), caPath);
  const data = await readRegularFile(path, { maxBytes: MAX_FILE_BYTES }).catch((error: NodeJS.ErrnoException) =>
    stop(`${path} cannot be read (${error.code})`, 'Put it beside agent.json.'),
  );
  const authorities = parseCertificates(data.toString('utf8'));
  if (!authorities.ok) return stop(`${path}: ${authorities.problem.message}`, authorities.problem.remedy);
  // As the agent does: one that is still valid is enough.
  if (authorities.value.every(({ validToDate }) => now > validToDate)) {
    stop(`every certificate authority in ${path} has expired`, 'Put the current authorities there, or correct the clock of this machine.');
  }
  return { name: caPath, mode: 0o644, data };
}

/** Checks the batch's `agent.json` as the agent would, and takes the authorities that it names beside itself. @throws Refused */
export async function readCommonFiles(configPath: string, now: Date): Promise<CommonRead> {
  const text = await readText(configPath, '--config');
  const parsed = agentSchema.safeParse(readJson(text, '--config'));
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => refuse(`--config ${fieldPath(path)}`, message, 'Correct it.'));
    throw new Refused(problems);
  }
  const broken = Object.entries(rules).flatMap(([section, check]) =>
    (check as (value: unknown) => Omit<RowProblem, 'row'>[])(parsed.data[section as keyof typeof rules]),
  );
  if (broken.length > 0) throw new Refused(broken.map((one) => ({ row: null, ...one })));

  const { cloud, buses } = parsed.data;
  const authorities = await readAuthorities(configPath, cloud.caPath, now);
  const warnings = buses.flatMap(({ keysPath }, index) =>
    keysPath === undefined ? [] : [`--config buses[${index}].keysPath: ${keysPath} is not flashed: put the file on the hub.`],
  );
  return { files: [{ name: 'agent.json', mode: 0o640, data: Buffer.from(text) }, ...(authorities ? [authorities] : [])], warnings };
}

/** Every file of a hub, the last one last. The same hub always has the same bytes. */
export function filesOf(hub: ManifestRow, credentials: HubCredentials, common: CommonFiles): HubFile[] {
  const { hubId, serial, model, vendorName, thingName } = hub;
  const identity = {
    hubId,
    serial,
    model,
    vendorName,
    ...(thingName !== null && { thingName }),
    certificatePath: 'credential:certificate.pem',
    privateKeyPath: 'credential:private-key.pem',
  };
  return [
    ...common,
    { name: 'certificate.pem', mode: 0o644, data: Buffer.from(credentials.certificatePem) },
    { name: 'private-key.pem', mode: 0o600, data: Buffer.from(credentials.privateKeyPem.reveal()) },
    { name: LAST_FILE, mode: 0o640, data: Buffer.from(`${JSON.stringify(identity, null, 2)}\n`) },
  ];
}

/** What tells two versions of a hub apart: its files, the private key by its public half. */
export function digestOf(files: readonly HubFile[], credentials: HubCredentials): string {
  const hash = createHash('sha256').update(credentials.publicKeyFingerprint);
  for (const { name, mode, data } of files) {
    if (name === 'private-key.pem') continue;
    hash.update(`\n${name} ${mode} ${data.length}\n`).update(data);
  }
  return hash.digest('hex');
}
