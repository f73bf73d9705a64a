import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { agentSchema } from '../../agent/config/agent-schema.ts';
import { CREDENTIAL_PREFIX } from '../../agent/config/fields.ts';
import { parseCertificates } from '../../agent/config/pem.ts';
import { fieldPath } from '../../agent/config/problems.ts';
import { rules } from '../../agent/config/rules.ts';
import type { HubCredentials } from './credentials.ts';
import type { ManifestRow } from './manifest.ts';
import { Refused, type RowProblem } from './problems.ts';

/** Where a hub's own files lie, from the root of its file system. */
export const HUB_FOLDER = 'etc/hub-agent';
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

function refuse(field: string, message: string, remedy: string): RowProblem {
  return { row: null, field, message, remedy };
}

/** Checks the batch's `agent.json` as the agent would, and takes the authorities that it names beside itself. @throws Refused */
export async function readCommonFiles(configPath: string): Promise<CommonFiles> {
  const text = await readFile(configPath, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Refused([refuse('--config', `${configPath} cannot be read (${error.code})`, 'Check the path.')]);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Refused([refuse('--config', `${configPath} is not JSON: ${(error as Error).message}`, 'Correct it.')]);
  }
  const parsed = agentSchema.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => refuse(`--config ${fieldPath(path)}`, message, 'Correct it.'));
    throw new Refused(problems);
  }
  const broken = Object.entries(rules).flatMap(([section, check]) =>
    (check as (value: unknown) => Omit<RowProblem, 'row'>[])(parsed.data[section as keyof typeof rules]),
  );
  if (broken.length > 0) throw new Refused(broken.map((one) => ({ row: null, ...one })));

  const files: HubFile[] = [{ name: 'agent.json', mode: 0o640, data: Buffer.from(text) }];
  const { caPath } = parsed.data.cloud;
  if (!isAbsolute(caPath) && !caPath.startsWith(CREDENTIAL_PREFIX)) {
    if (!PLAIN_NAME.test(caPath))
      throw new Refused([refuse('--config cloud.caPath', `${caPath} is no plain name`, 'Put it beside agent.json.')]);
    const path = resolve(dirname(configPath), caPath);
    const data = await readFile(path).catch(() => Buffer.alloc(0));
    const authorities = parseCertificates(data.toString('utf8'));
    if (!authorities.ok)
      throw new Refused([refuse('--config cloud.caPath', `${path}: ${authorities.problem.message}`, authorities.problem.remedy)]);
    files.push({ name: caPath, mode: 0o644, data });
  }
  return files;
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
