import { stat } from 'node:fs/promises';
import { messageOf } from '../../agent/system/errors.ts';
import { checkCredentials, type HubCredentials, type HubFiles, type Validity } from './credentials.ts';
import { replaceFile } from './durable.ts';
import { type RequestFiles, requestFiles } from './generate.ts';
import { type CommonFiles, digestOf, filesOf, type HubFile } from './hub-files.ts';
import { type ManifestRow, thingNameOf } from './manifest.ts';
import { explained } from './output-folder.ts';
import { HubRefused, Refused, type RowProblem } from './problems.ts';
import { type Api, provisionRequest } from './provision.ts';
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
  /** Why it failed, or why the API did not take it although it is flashed, with the remedy; null otherwise. */
  problem: string | null;
}

/** What became of a batch. */
export interface FlashOutcome {
  /** Hubs of the manifest. */
  hubs: number;
  /** By row; shorter than the manifest when the run was stopped. */
  results: HubResult[];
  /** Why the run was stopped before its end, with the remedy; null when it was not. */
  stopped: string | null;
}

export interface FlashDeps {
  rows: readonly ManifestRow[];
  /** What is wrong already with the rest of the input: with any of it the hubs are checked too, and nothing is written. */
  problems?: readonly RowProblem[];
  common: CommonFiles;
  target: Target;
  records: Records;
  /** Holds keys made on the line and the ProvisionHub requests. */
  output: string;
  validity: Validity;
  /** Null: the requests are written only. */
  api: Api | null;
  /** Flashes hubs again that were flashed already, with the data of the manifest now. */
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
/** So many in a row, and it is not the hub but the station: the rest would fail as well. */
const MAX_FAILURES = 10;

/** Where a hub's pair is: named in the manifest, or made on the line. */
async function sourceOf(hub: ManifestRow, made: RequestFiles): Promise<HubFiles> {
  const isRequested = hub.certificatePath === null && (await stat(made.request).catch(() => null)) !== null;
  return {
    ...hub,
    certificatePath: hub.certificatePath ?? made.certificate,
    keyPath: hub.keyPath ?? made.privateKey,
    missingCertificate: isRequested
      ? `Have ${made.request} signed, and put the certificate there.`
      : 'Name the certificate in the manifest, or run with --generate first and have request.csr signed.',
  };
}

/** Checks every hub before the first is written. @throws Refused with all problems. */
async function checkAll({ rows, problems: known = [], output, validity, records }: FlashDeps): Promise<Checked[]> {
  const problems: RowProblem[] = [...known];
  const checked: Checked[] = [];
  const owners = new Map<string, string>();
  const own = (field: string, value: string, hub: ManifestRow, owner: string) => {
    const before = owners.get(`${field} ${value}`);
    owners.set(`${field} ${value}`, owner);
    if (before === undefined || before === owner) return;
    problems.push({ row: hub.row, field, message: `it is also that of ${before}`, remedy: 'Give each hub its own.' });
  };
  const inManifest = new Map(rows.map((hub) => [hub.hubId.toLowerCase(), hub]));
  for (const record of records.all()) {
    const same = inManifest.get(record.hubId.toLowerCase());
    if (same && same.hubId !== record.hubId) {
      const message = `it is the hub ${record.hubId}, flashed before, in other letters`;
      problems.push({ row: same.row, field: 'hubId', message, remedy: 'Write it the same way.' });
    }
    if (same) continue;
    const owner = `the hub ${record.hubId}, flashed before`;
    owners.set(`serial ${record.serial}`, owner);
    owners.set(`thingName ${record.thingName}`, owner);
    owners.set(`certificate ${record.certificateFingerprint}`, owner);
    owners.set(`key ${record.publicKeyFingerprint}`, owner);
  }
  for (const hub of rows) {
    const made = requestFiles(output, hub.hubId);
    const credentials = await checkCredentials(await sourceOf(hub, made), validity, problems);
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
  if (why !== null) throw new HubRefused(why);
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
  await api.provision(hub);
  await records.put({ ...record, provisioned: true });
  return true;
}

/** What became of a hub, and whether the station is to blame for it: the disk, the API as a whole. */
async function handle(deps: FlashDeps, one: Checked): Promise<{ result: HubResult; isFault: boolean }> {
  const { row, hubId, serial } = one.hub;
  let state: HubResult['state'] = 'failed';
  const came = (provisioned: boolean, problem: string | null): HubResult => {
    return { row, hubId, serial, place: deps.target.place(hubId), state, provisioned, problem };
  };
  try {
    state = await flashOne(deps, one);
    return { result: came(await provisionOne(deps, one.hub), null), isFault: false };
  } catch (error) {
    return { result: came(false, messageOf(explained(error, deps.target.place(one.hub.hubId)))), isFault: !(error instanceof HubRefused) };
  }
}

function whyStopped(faults: number, left: number): string | null {
  if (left === 0) return null;
  const why = faults >= MAX_FAILURES ? `stopped after ${MAX_FAILURES} failures in a row` : 'stopped by a signal';
  return `${why}, ${left} hubs left: ${faults >= MAX_FAILURES ? 'mend the cause and run again' : 'run again'}.`;
}

/**
 * Flashes the hubs of a manifest that are not flashed yet. Each is written as a whole, then remembered; after a crash the next run goes on.
 * @throws Refused before anything is written when a row is wrong.
 */
export async function flash(deps: FlashDeps): Promise<FlashOutcome> {
  const queue = (await checkAll(deps)).entries();
  const results: HubResult[] = [];
  const isFault: boolean[] = [];
  let faults = 0;
  let counted = 0;
  // In the order of the manifest: hubs that go well take longer than those that fail, so the order of ends would show faults in a row.
  const count = () => {
    for (; counted in isFault && faults < MAX_FAILURES; counted++) faults = isFault[counted] ? faults + 1 : 0;
  };
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (!deps.signal.aborted && faults < MAX_FAILURES) {
        const { value: next } = queue.next();
        if (!next) return;
        const [index, one] = next;
        const handled = await handle(deps, one);
        isFault[index] = handled.isFault;
        count();
        results.push(handled.result);
        deps.onResult(handled.result);
      }
    }),
  );
  const hubs = deps.rows.length;
  return { hubs, results: results.sort((a, b) => a.row - b.row), stopped: whyStopped(faults, hubs - results.length) };
}
