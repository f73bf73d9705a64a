import { createHash } from 'node:crypto';
import { dirname, isAbsolute, resolve } from 'node:path';
import { agentSchema } from '../../agent/config/agent-schema.ts';
import { CREDENTIAL_PREFIX } from '../../agent/config/paths.ts';
import type { Explanation } from '../../agent/config/pem.ts';
import { fieldPath } from '../../agent/config/problems.ts';
import { rules } from '../../agent/config/rules.ts';
import { refusalFinding, type TlsProof } from '../../agent/config/tls-proof.ts';
import { validateCredentials } from '../../agent/config/validator.ts';
import { readRegularFile } from '../../agent/system/regular-file.ts';
import type { HubCredentials } from './credentials.ts';
import type { ManifestRow } from './manifest.ts';
import { gather, Refused, type RowProblem } from './problems.ts';
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

/** What the authorities are measured by; without a proof they are not proven with the SDK. */
export interface CommonCheck {
  now: Date;
  proof?: TlsProof | null;
}

/** Names in the hub's folder that are its own: an authority under one of them would be overwritten, or in the way. */
const OWN_NAMES = ['agent.json', 'certificate.pem', 'private-key.pem', LAST_FILE, 'credentials', 'keys'];

function refuse(field: string, message: string, remedy: string): RowProblem {
  return { row: null, field, message, remedy };
}

/** The authorities that `cloud.caPath` names, when they lie beside agent.json; null when they come with the hub's image. @throws Refused */
async function readAuthorities(configPath: string, caPath: string, { now, proof }: CommonCheck): Promise<HubFile | null> {
  if (isAbsolute(caPath) || caPath.startsWith(CREDENTIAL_PREFIX)) return null;
  const stop = (problems: Explanation[]): never => {
    throw new Refused(problems.map(({ message, remedy }) => refuse('--config cloud.caPath', message, remedy)));
  };
  if (!PLAIN_NAME.test(caPath)) stop([{ message: `${caPath} is no plain name`, remedy: 'Put it beside agent.json.' }]);
  if (OWN_NAMES.includes(caPath)) {
    stop([{ message: `${caPath} is the name of one of the hub's own files`, remedy: 'Name it otherwise, such as ca.pem.' }]);
  }
  const path = resolve(dirname(configPath), caPath);
  const data = await readRegularFile(path).catch((error: NodeJS.ErrnoException) =>
    stop([{ message: `${path} cannot be read (${error.code})`, remedy: 'Put it beside agent.json.' }]),
  );
  const { authorities, findings } = validateCredentials(
    { certificate: null, privateKey: null, authorities: data.toString('utf8') },
    { now },
  );
  const refusal = authorities && findings.length === 0 ? await proof?.({ authorities }) : null;
  const all = refusal ? [refusalFinding(refusal)] : findings;
  if (!authorities || all.length > 0) return stop(all.map(({ message, remedy }) => ({ message: `${path}: ${message}`, remedy })));
  return { name: caPath, mode: 0o644, data: Buffer.from(authorities) };
}

const sectionOf = (json: unknown, name: string) => (json as Record<string, unknown> | null | undefined)?.[name];

/** The rules of every section that the schema accepts, also when another section is wrong: one run shows all problems. */
function brokenRules(json: unknown): RowProblem[] {
  return Object.entries(rules).flatMap(([section, check]) => {
    const parsed = agentSchema.shape[section as keyof typeof rules].safeParse(sectionOf(json, section));
    if (!parsed.success) return [];
    const broken = (check as (value: unknown) => Omit<RowProblem, 'row'>[])(parsed.data);
    return broken.map(({ field, message, remedy }) => refuse(`--config ${field}`, message, remedy));
  });
}

/** Checks the batch's `agent.json` as the agent would, and takes the authorities that it names beside itself. @throws Refused */
export async function readCommonFiles(configPath: string, check: CommonCheck): Promise<CommonRead> {
  const text = await readText(configPath, '--config');
  const json = readJson(text, '--config');
  const parsed = agentSchema.safeParse(json);
  const problems = (parsed.error?.issues ?? []).map(({ path, message }) => refuse(`--config ${fieldPath(path)}`, message, 'Correct it.'));
  problems.push(...brokenRules(json));
  const caPath = agentSchema.shape.cloud.shape.caPath.safeParse(sectionOf(sectionOf(json, 'cloud'), 'caPath'));
  const authorities = caPath.success ? await gather(problems, () => readAuthorities(configPath, caPath.data, check)) : null;
  if (!parsed.success || problems.length > 0) throw new Refused(problems);

  const { buses } = parsed.data;
  const warnings = buses.flatMap((bus, index) =>
    bus.protocol !== 'osdp' || bus.keysPath === undefined
      ? []
      : [`--config buses[${index}].keysPath: ${bus.keysPath} is not flashed: put the file on the hub.`],
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
