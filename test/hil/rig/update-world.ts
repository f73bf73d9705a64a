import { createHash } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import { createObjectStore } from '../../twins/object-store/index.ts';
import type { ObjectStore } from '../../twins/object-store/types.ts';
import { FACTORY_SEQUENCE, type InstalledHub, type InstalledRelease, startInstalledHub } from './installed-hub.ts';
import { createRig, type Rig } from './rig.ts';
import { createSignal, until } from './until.ts';

/** A hub that takes updates, its cloud with the Jobs service, and the store with the parts of releases. */
export interface UpdateWorld {
  readonly rig: Rig;
  readonly hub: InstalledHub;
  readonly store: ObjectStore;
  /** Puts a release's parts into the store and sends the job. */
  send(jobId: string, release: InstalledRelease): void;
  /** Resolves when the job has ended: its status, and the reason that the hub gave. */
  ended(
    jobId: string,
    onChange?: (status: string, details: Record<string, string>) => void,
  ): Promise<{ status: string; reason: string | null }>;
  stop(): Promise<void>;
}

const BUCKET = 'releases';
/** As the release tool packs. */
const PACKED = { params: { [constants.ZSTD_c_compressionLevel]: 19 } };
const ENDED = ['SUCCEEDED', 'FAILED', 'REJECTED', 'TIMED_OUT', 'CANCELED'];
const sha256 = (data: string) => createHash('sha256').update(data).digest('hex');

/** Starts it all; the hub is online. `base`: the files of every release in place of the checkout's agent. */
export async function createUpdateWorld({
  trialSeconds,
  base,
}: {
  trialSeconds: number;
  base?: Readonly<Record<string, string>>;
}): Promise<UpdateWorld> {
  await using opened = new AsyncDisposableStack();
  let store: ObjectStore | null = null;
  const rig = opened.use(
    await createRig({
      iotCore: { presign: (request) => store!.presign(request) },
      config: { update: { jobs: true, spreadSeconds: 0, maxKilobytesPerSecond: 0 } },
    }),
  );
  store = createObjectStore({ tls: await rig.pki.issueServer(['127.0.0.1']), nowMs: () => Date.now() });
  const objects = store;
  await objects.start();
  opened.defer(() => objects.stop());
  const changes = createSignal();
  opened.defer(rig.iotCore.jobs.onChange(changes.fire));
  const hub = startInstalledHub(rig, { trialSeconds, ...(base && { base }) });
  opened.defer(() => hub.stop());
  await rig.untilReported('online', ({ online }) => online === true);
  // AWS fills ten placeholders at most: what the package has already is left out.
  const known = new Set(Object.values(hub.release(FACTORY_SEQUENCE).files));
  const closing = opened.move();
  return {
    rig,
    hub,
    store: objects,
    send(jobId, { files, text, signature }) {
      const parts: Record<string, string> = {};
      for (const part of Object.values(files).filter((each) => !known.has(each))) {
        objects.put(BUCKET, `${sha256(part)}.zst`, zstdCompressSync(part, PACKED));
        parts[sha256(part)] = `\${aws:iot:s3-presigned-url-v2:https://s3.eu-central-1.amazonaws.com/${BUCKET}/${sha256(part)}.zst}`;
      }
      rig.iotCore.jobs.create({ jobId, thingName: rig.hubId, document: { operation: 'update_agent', manifest: text, signature, parts } });
    },
    ended(jobId, onChange = () => {}) {
      return until(changes.subscribe, `the end of ${jobId}`, () => {
        const execution = rig.iotCore.jobs.execution(jobId);
        if (!execution) return null;
        onChange(execution.status, execution.statusDetails);
        return ENDED.includes(execution.status) && { status: execution.status, reason: execution.statusDetails.reason ?? null };
      });
    },
    stop: () => closing.disposeAsync(),
  };
}
