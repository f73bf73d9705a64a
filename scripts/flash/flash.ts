import { messageOf } from '../../agent/system/errors.ts';
import type { Secret } from '../../agent/system/secret.ts';
import { checkCredentials, type HubCredentials, type Validity } from './credentials.ts';
import { replaceFile } from './durable.ts';
import { requestFiles } from './generate.ts';
import { type CommonFiles, digestOf, filesOf, type HubFile } from './hub-files.ts';
import { type ManifestRow, thingNameOf } from './manifest.ts';
import { Refused, type RowProblem } from './problems.ts';
import { provision, provisionRequest } from './provision.ts';
import type { Records } from './records.ts';
import type { Target } from './targets.ts';

/** What became of a hub. */
export interface HubResult {
  row: number;
  hubId: string;
  serial: string;
  state: 'flashed' | 'unchanged' | 'failed';
  place: string;
  provisioned: boolean;
  /** Why it failed, with the remedy; null otherwise. */
  problem: string | null;
}

export interface FlashDeps {
  rows: readonly ManifestRow[];
  common: CommonFiles;
  target: Target;
  records: Records;
  /** Holds keys made on the line and the ProvisionHub requests. */
  output: string;
  validity: Validity;
  /** Null: the requests are written only. */
  api: { url: string; key: Secret } | null;
  /** Flashes hubs again that were flashed already, with whatever the manifest says now. */
  replace: boolean;
  signal: AbortSignal;
  onResult(result: HubResult): void;
}

/** A hub with everything that is needed to flash it. */
interface Checked {
  hub: ManifestRow;
  credentials: HubCredentials;
}

/** Waiting for the disk and the API is shared by as many. */
const AT_ONCE = 4;
/** Then it is not the hub but the station: the rest would fail as well. */
const MAX_FAILURES = 10;

/** Checks every hub before the first is written. @throws Refused with all problems. */
async function checkAll({ rows, output, validity, records }: FlashDeps): Promise<Checked[]> {
  const problems: RowProblem[] = [];
  const checked: Checked[] = [];
  const owners = new Map<string, string>();
  const own = (field: string, value: string, hub: ManifestRow, owner: string) => {
    const before = owners.get(`${field} ${value}`);
    owners.set(`${field} ${value}`, owner);
    if (before === undefined || before === owner) return;
    problems.push({ row: hub.row, field, message: `it is also that of ${before}`, remedy: 'Give each hub its own.' });
  };
  const inManifest = new Set(rows.map(({ hubId }) => hubId));
  for (const record of records.all()) {
    if (inManifest.has(record.hubId)) continue;
    const owner = `the hub ${record.hubId}, flashed before`;
    owners.set(`serial ${record.serial}`, owner);
    owners.set(`thingName ${record.thingName}`, owner);
    owners.set(`certificate ${record.certificateFingerprint}`, owner);
    owners.set(`key ${record.publicKeyFingerprint}`, owner);
  }
  for (const hub of rows) {
    const made = requestFiles(output, hub.hubId);
    const at = { ...hub, certificatePath: hub.certificatePath ?? made.certificate, keyPath: hub.keyPath ?? made.privateKey };
    const credentials = await checkCredentials(at, validity, problems);
    if (!credentials) continue;
    const owner = `row ${hub.row}`;
    own('serial', hub.serial, hub, owner);
    own('thingName', thingNameOf(hub), hub, owner);
    own('certificate', credentials.certificateFingerprint, hub, owner);
    own('key', credentials.publicKeyFingerprint, hub, owner);
    checked.push({ hub, credentials });
  }
  if (problems.length > 0) throw new Refused(problems);
  return checked;
}

/** Why a hub must not be written now; null when it may. */
async function objection(deps: FlashDeps, hub: ManifestRow, digest: string): Promise<string | null> {
  if (deps.replace) return null;
  const record = deps.records.get(hub.hubId);
  if (record && record.digest !== digest) {
    return `it was flashed before with other data (${record.place}). Correct the manifest, or use --replace.`;
  }
  if (record)
    return `it was flashed before and is no longer there (${record.place}): a second one would be its double. If it never left, use --replace.`;
  const occupant = await deps.target.occupant(hub.hubId);
  return occupant === null ? null : `${deps.target.place(hub.hubId)} is ${occupant} already. Put in another one, or use --replace.`;
}

async function flashOne(deps: FlashDeps, { hub, credentials }: Checked): Promise<HubResult['state']> {
  const { target, records } = deps;
  const files: HubFile[] = filesOf(hub, credentials, deps.common);
  const digest = digestOf(files, credentials);
  if (records.get(hub.hubId)?.digest === digest && (await target.has(hub.hubId, files))) return 'unchanged';
  const why = await objection(deps, hub, digest);
  if (why !== null) throw new Error(why);
  await target.write(hub.hubId, files);
  const { hubId, serial } = hub;
  const { certificateFingerprint, publicKeyFingerprint } = credentials;
  const place = target.place(hubId);
  await records.put({
    hubId,
    serial,
    thingName: thingNameOf(hub),
    digest,
    certificateFingerprint,
    publicKeyFingerprint,
    place,
    provisioned: false,
  });
  return 'flashed';
}

async function provisionOne({ api, records, output }: FlashDeps, hub: ManifestRow): Promise<boolean> {
  const record = records.get(hub.hubId);
  if (!record || record.provisioned) return record?.provisioned ?? false;
  if (!api) {
    await replaceFile(`${output}/provision/${hub.hubId}.json`, `${JSON.stringify(provisionRequest(hub), null, 2)}\n`, 0o644);
    return false;
  }
  await provision(api, hub);
  await records.put({ ...record, provisioned: true });
  return true;
}

async function handle(deps: FlashDeps, one: Checked): Promise<HubResult> {
  const { row, hubId, serial } = one.hub;
  const result = { row, hubId, serial, place: deps.target.place(hubId) };
  let state: HubResult['state'] = 'failed';
  try {
    state = await flashOne(deps, one);
    return { ...result, state, provisioned: await provisionOne(deps, one.hub), problem: null };
  } catch (error) {
    return { ...result, state: 'failed', provisioned: false, problem: messageOf(error) };
  }
}

/**
 * Flashes the hubs of a manifest that are not flashed yet. Each is written as a whole, then remembered; after a crash the next run goes on.
 * @throws Refused before anything is written when a row is wrong.
 */
export async function flash(deps: FlashDeps): Promise<HubResult[]> {
  const queue = (await checkAll(deps)).values();
  const results: HubResult[] = [];
  let failures = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const one of queue) {
        if (deps.signal.aborted || failures >= MAX_FAILURES) return;
        const result = await handle(deps, one);
        if (result.state === 'failed') failures += 1;
        results.push(result);
        deps.onResult(result);
      }
    }),
  );
  return results.sort((a, b) => a.row - b.row);
}
