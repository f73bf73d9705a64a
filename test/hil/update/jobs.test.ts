import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Manifest } from '../../../agent/release/manifest.ts';
import { manifestText } from '../../../agent/release/manifest.ts';
import { createPartFiles, type PartFiles } from '../../../agent/release/part-file.ts';
import { createMonotonicClock } from '../../../agent/system/clock.ts';
import { createEntropy } from '../../../agent/system/entropy.ts';
import { createFiles, type Files } from '../../../agent/system/files.ts';
import { createProcessLock } from '../../../agent/system/process-lock.ts';
import { createJobJournal } from '../../../agent/update/job-journal.ts';
import { jobsTopicsOf } from '../../../agent/update/job-topics.ts';
import { createReleases } from '../../../agent/update/releases.ts';
import { createUpdates, type Updates } from '../../../agent/update/updates.ts';
import { createIotCore } from '../../twins/iot-core/index.ts';
import type { JobExecution } from '../../twins/iot-core/jobs/types.ts';
import type { IotCore } from '../../twins/iot-core/types.ts';
import { createObjectStore } from '../../twins/object-store/index.ts';
import type { ObjectStore } from '../../twins/object-store/types.ts';
import { createPki } from '../../twins/pki/pki.ts';
import { createFakeLog } from '../../unit/nodes/fakes.ts';
import { createReleaseHub, filesOf, manifestOf, type ReleaseHub, signed } from '../../unit/updater/hub.ts';
import { createStick } from '../rig/stick.ts';
import { createSignal, seen, until } from '../rig/until.ts';

const THING = 'hub-1';
/** Pauses of minutes pass in seconds; an answer still has a second. */
const HURRY = 15;

let core: IotCore;
let store: ObjectStore;
let hub: ReleaseHub;
let ca: string;
let expiresSeconds: number;
let agents: Updates[];
let ends: (() => void)[];
const changes = createSignal();

beforeEach(async () => {
  const pki = await createPki();
  ca = pki.caCertificate;
  expiresSeconds = 3_600;
  agents = [];
  ends = [];
  store = createObjectStore({ tls: await pki.issueServer(['127.0.0.1']), nowMs: Date.now });
  await store.start();
  core = createIotCore({ pki, presign: (request) => store.presign({ ...request, expiresSeconds }) });
  core.registerThing({ thingName: THING, certificate: null });
  // Its timers run from here on.
  await core.start();
  core.jobs.onChange(changes.fire);
  hub = createReleaseHub();
  mkdirSync(join(hub.root, 'keys'));
  writeFileSync(join(hub.root, 'keys/a.pem'), hub.machine.keys[0]!.export({ type: 'spki', format: 'pem' }));
  writeFileSync(join(hub.root, 'library/SEQUENCE'), '10\n');
  writeFileSync(join(hub.root, 'library/SYSTEM'), '1\n');
});
afterEach(async () => {
  for (const end of ends) end();
  await Promise.all(agents.map((agent) => agent.stop()));
  await Promise.all([core.stop(), store.stop()]);
});

/** The agent's side, as after a start of the process; the messages of the broker without the MQTT between. */
async function startAgent(options: { linked?: boolean; busy?: () => boolean; parts?: PartFiles; files?: Files } = {}) {
  const real = createMonotonicClock();
  const log = createFakeLog();
  const topics = jobsTopicsOf(THING);
  const agent = createUpdates({
    topics,
    publish: async (topic, payload) => core.publish(topic, payload),
    journal: createJobJournal({ files: createFiles(), stateDirectory: hub.root, log }),
    releases: createReleases({
      files: options.files ?? createFiles(),
      places: { factory: join(hub.root, 'library'), releases: hub.releases, keys: [join(hub.root, 'keys')], stateDirectory: hub.root },
    }),
    lock: createProcessLock(hub.update),
    parts: options.parts ?? createPartFiles(join(hub.update, 'parts')),
    makeBundle: async () => Buffer.from('a bundle'),
    isBusy: options.busy ?? (() => false),
    arch: 'amd64',
    model: 'H2',
    ca: () => [ca],
    bytesPerSecond: 0,
    spreadMs: 1_000,
    clock: { nowMs: () => real.nowMs() * HURRY, schedule: (delayMs, run) => real.schedule(delayMs / HURRY, run) },
    entropy: createEntropy(),
    log,
  });
  const untap = core.onMessage(topics.filter, ({ topic, payload, clientId }) => {
    if (clientId === null) agent.message(topic, payload);
    changes.fire();
  });
  ends.push(untap);
  agents.push(agent);
  await agent.start();
  if (options.linked !== false) agent.linkUp();
  return {
    agent,
    log,
    kill: () => {
      untap();
      return agent.stop();
    },
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Puts a release's parts into the store, and gives a job's document for it. */
function release(
  sequence: number,
  { files = filesOf(`r${sequence}`), ...more }: Partial<Manifest> & { files?: Record<string, string> } = {},
) {
  const manifest = manifestOf(sequence, files, more);
  const parts: Record<string, string> = {};
  for (const text of Object.values(files)) {
    store.put('releases', `parts/${sha256(text)}.zst`, zstdCompressSync(text));
    parts[sha256(text)] = `\${aws:iot:s3-presigned-url-v2:https://s3.eu-central-1.amazonaws.com/releases/parts/${sha256(text)}.zst}`;
  }
  const text = manifestText(manifest);
  return { operation: 'update_agent', manifest: text, signature: signed(text), parts };
}

/** The same parts as pieces of one object, as `npm run release -- job` makes it. */
function packed(document: ReturnType<typeof release>, files: Record<string, string>) {
  const streams = Object.values(files).map((text) => ({ hash: sha256(text), data: zstdCompressSync(text) }));
  store.put('releases', 'one.pack', Buffer.concat([Buffer.from('before'), ...streams.map(({ data }) => data), Buffer.from('after')]));
  let offset = 'before'.length;
  const parts: Record<string, [number, number]> = {};
  for (const { hash, data } of streams) {
    parts[hash] = [offset, data.length];
    offset += data.length;
  }
  return { ...document, parts, pack: `\${aws:iot:s3-presigned-url-v2:https://s3.eu-central-1.amazonaws.com/releases/one.pack}` };
}

/** Text of so many times 32 characters, of which half is left when it is packed. */
const incompressible = (count: number) =>
  Array.from({ length: count }, (_, index) => createHash('md5').update(`${index}`).digest('hex')).join('');

const create = (jobId: string, document: object, more = {}) =>
  core.jobs.create({ jobId, thingName: THING, document: document as never, ...more });

const ended = (jobId: string) =>
  until(changes.subscribe, `the end of ${jobId}`, () => {
    const execution = core.jobs.execution(jobId);
    return execution && !['QUEUED', 'IN_PROGRESS'].includes(execution.status) && execution;
  });
const outcome = async (jobId: string) => {
  const { status, statusDetails } = (await ended(jobId)) as JobExecution;
  return `${status} ${statusDetails.reason}`;
};
const requested = () => seen('the request', () => readdirSync(hub.update).includes('request.json'));
const step = (name: string) => until(changes.subscribe, `the step ${name}`, () => core.jobs.execution('j1')?.statusDetails.step === name);

test('an update: only what is missing is fetched, the trial is told, and success only after the commit', async () => {
  const { agent } = await startAgent();
  create('j1', release(11));
  await requested();
  expect(store.requests.map(({ status }) => status)).toEqual([200, 200]);
  hub.run();
  expect(hub.state().trial).toMatchObject({ sequence: 11, attempt: 'j1:1' });
  await step('trial');
  await seen('the answer to the trial', () => agent.isTrialTold());
  expect(core.jobs.execution('j1')?.status).toBe('IN_PROGRESS');
  hub.confirm(11, 'healthy');
  hub.run();
  expect(await outcome('j1')).toBe('SUCCEEDED committed');
  // Nothing is at hand any more: the next one is taken.
  create('j2', { operation: 'dance' });
  expect(await outcome('j2')).toBe('REJECTED unknown_operation');
  await seen('an empty journal', () => !readdirSync(hub.root).includes('update-job.json'));
});

test('a release that goes back is a failure with its reason, and is not tried again', async () => {
  await startAgent();
  create('j1', release(11), { retries: 1 });
  await requested();
  hub.run();
  hub.confirm(11, 'no_cloud');
  hub.run();
  await until(changes.subscribe, 'the second attempt', () => core.jobs.execution('j1', 2));
  expect(core.jobs.execution('j1', 1)).toMatchObject({ status: 'FAILED', statusDetails: { reason: 'no_cloud' } });
  // Another attempt may try it; the updater bounds them.
  await requested();
  hub.run();
  hub.confirm(11, 'bus_lost');
  hub.run();
  expect(await outcome('j1')).toBe('FAILED bus_lost');
});

describe('the process is killed', () => {
  test.each(['taken', 'handed over', 'on trial', 'committed'])('%s: the job ends once, in the truth', async (when) => {
    let agent = await startAgent();
    const restart = async () => {
      await agent.kill();
      agent = await startAgent();
    };
    store.faults.slow(when === 'taken' ? 1_000 : null);
    create('j1', release(11, { files: { ...filesOf('r11'), 'hub-agent.cjs': incompressible(2_000) } }));
    if (when === 'taken') {
      await seen('a partial part', () => readdirSync(join(hub.update, 'parts')).some((name) => name.endsWith('.zst')));
      await restart();
      store.faults.slow(null);
    }
    await requested();
    if (when === 'handed over') await restart();
    hub.run();
    await step('trial');
    if (when === 'on trial') {
      await restart();
      await seen('the answer to the trial', () => agent.agent.isTrialTold());
    }
    hub.confirm(11, 'healthy');
    if (when === 'committed') {
      core.faults.loseJobsResponses(1);
      hub.run();
      await ended('j1');
      await restart();
    }
    hub.run();
    expect(await outcome('j1')).toBe('SUCCEEDED committed');
    expect(hub.state().history.filter(({ what }) => what === 'trial')).toHaveLength(1);
    await seen('an empty journal', () => !readdirSync(hub.root).includes('update-job.json'));
  });

  test('after the hand-over was noted and before the request lay there: prepared anew', async () => {
    const { kill } = await startAgent();
    create('j1', release(11));
    await requested();
    await kill();
    await createFiles().remove(join(hub.update, 'request.json'));
    await startAgent();
    await requested();
    expect(store.requests).toHaveLength(2);
  });
});

describe('rejected before anything is fetched', () => {
  test.each([
    ['another signature', () => ({ ...release(11), signature: signed('another text') }), 'bad_signature'],
    ['another processor', () => release(11, { arch: 'arm64' }), 'wrong_arch'],
    ['another model', () => release(11, { models: ['H9'] }), 'wrong_model'],
    ['an older release', () => release(9), 'older_sequence'],
    ['a newer system', () => release(11, { requiresSystem: 2 }), 'system_too_old'],
    ['a manifest with one byte more', () => ({ ...release(11), manifest: `${release(11).manifest} ` }), 'manifest_invalid'],
    ['a part without an address', () => ({ ...release(11), parts: {} }), 'part_without_url'],
    ['an address that is not https', () => ({ ...release(11), parts: { ['0'.repeat(64)]: 'file:///etc/passwd' } }), 'document_invalid'],
    ['a piece without a pack', () => ({ ...release(11), parts: { ['0'.repeat(64)]: [0, 10] } }), 'document_invalid'],
    ['a piece of nothing', () => ({ ...release(11), pack: 'https://store/a', parts: { ['0'.repeat(64)]: [5, 0] } }), 'document_invalid'],
    [
      'a piece that ends nowhere',
      () => ({ ...release(11), pack: 'https://store/a', parts: { ['0'.repeat(64)]: [2 ** 53 - 2, 9] } }),
      'document_invalid',
    ],
    ['no manifest', () => ({ operation: 'update_agent' }), 'document_invalid'],
    ['an unknown operation', () => ({ operation: 'os_update' }), 'unknown_operation'],
    ['an operation that is no word', () => ({ operation: ['update_agent'] }), 'unknown_operation'],
  ])('%s', async (_, document, reason) => {
    await startAgent();
    create('j1', document());
    expect(await outcome('j1')).toBe(`REJECTED ${reason}`);
    expect(store.requests).toEqual([]);
  });
});

describe('the store', () => {
  const BIG = {
    ...filesOf('r11'),
    'hub-agent.cjs': incompressible(40_000),
  };

  test('cuts the connection: what came is kept, and the rest is fetched', async () => {
    await startAgent();
    store.faults.cutAfter(200_000, 2);
    create('j1', release(11, { files: BIG }));
    await requested();
    const size = store.get('releases', `parts/${sha256(BIG['hub-agent.cjs']!)}.zst`)!.length;
    const bytes = store.requests.reduce((sum, request) => sum + request.bytes, 0);
    expect(store.requests.some(({ status }) => status === 206)).toBe(true);
    expect(bytes).toBeLessThan(size + 200_000);
  });

  test('knows only expired addresses: the document is read again', async () => {
    await startAgent();
    expiresSeconds = 0;
    create('j1', release(11));
    await seen('a refusal', () => store.requests.some(({ status }) => status === 403));
    expiresSeconds = 3_600;
    await requested();
  });

  test('refuses every address: the job fails, and is not tried for ever', async () => {
    await startAgent();
    expiresSeconds = 0;
    create('j1', release(11));
    expect(await outcome('j1')).toBe('FAILED url_refused');
    expect(store.requests).toHaveLength(6);
  });

  test('is busy, ignores ranges, and once sends a flipped bit', async () => {
    await startAgent();
    store.faults.busy(2);
    store.faults.ignoreRange(true);
    store.faults.cutAfter(100_000, 1);
    store.faults.flipBit(1);
    create('j1', release(11, { files: BIG }));
    await requested();
    hub.run();
    expect(hub.state().trial).toMatchObject({ sequence: 11 });
  });

  test('has one object with all parts: their pieces are fetched, and no byte of the rest', async () => {
    await startAgent();
    create('j1', packed(release(11, { files: BIG }), BIG));
    await requested();
    const lengths = ['hub-agent.cjs', 'hubctl.cjs'].map((name) => zstdCompressSync(BIG[name as keyof typeof BIG]!).length);
    expect(store.requests.map(({ status, bytes }) => [status, bytes])).toEqual(
      expect.arrayContaining(lengths.map((bytes) => [206, bytes])),
    );
    hub.run();
    expect(hub.state().trial).toMatchObject({ sequence: 11 });
  });

  test('has one object with all parts, cuts, sends a flipped bit, and then ignores ranges', async () => {
    await startAgent();
    store.faults.cutAfter(100_000, 2);
    store.faults.flipBit(1);
    create('j1', packed(release(11, { files: BIG }), BIG));
    await seen('a piece that goes on', () => store.requests.length > 2);
    store.faults.ignoreRange(true);
    await requested();
    hub.run();
    expect(hub.state().trial).toMatchObject({ sequence: 11 });
  });

  test('has another object meanwhile: it is fetched anew, and must be the right one', async () => {
    await startAgent();
    // Each attempt brings a little, so that there is time for the exchange.
    store.faults.cutAfter(50_000, 1_000);
    const document = release(11, { files: BIG });
    create('j1', document);
    await seen('the cut', () => store.requests.length > 0);
    store.put('releases', `parts/${sha256(BIG['hub-agent.cjs']!)}.zst`, zstdCompressSync('another'));
    expect(await outcome('j1')).toBe('FAILED part_damaged');
  });

  test('has another object at each look: what is fetched is bounded', async () => {
    await startAgent();
    store.faults.cutAfter(300_000, 1_000);
    const document = release(11, { files: BIG });
    const key = `parts/${sha256(BIG['hub-agent.cjs']!)}.zst`;
    create('j1', document);
    let looks = 0;
    const end = seen('the end', () => {
      if (store.requests.length > looks) store.put('releases', key, zstdCompressSync(incompressible(40_000 + ++looks)));
      return core.jobs.execution('j1')?.status === 'FAILED';
    });
    await end;
    expect(core.jobs.execution('j1')?.statusDetails.reason).toBe('download_failed');
  }, 300_000);

  test('has no such object', async () => {
    await startAgent();
    const document = release(11);
    for (const hash of Object.keys(document.parts)) document.parts[hash] = document.parts[hash]!.replace('/parts/', '/nothing/');
    create('j1', document);
    expect(await outcome('j1')).toBe('FAILED part_not_found');
  });

  test('has only the first half of an object', async () => {
    await startAgent();
    const document = release(11);
    for (const hash of Object.keys(document.parts)) {
      const key = `parts/${hash}.zst`;
      const whole = store.get('releases', key)!;
      store.put('releases', key, whole.subarray(0, whole.length >> 1));
    }
    create('j1', document);
    expect(await outcome('j1')).toBe('FAILED part_damaged');
  });

  test('serves a bomb: what unpacks to more than it should be ends there', async () => {
    await startAgent();
    const document = release(11);
    for (const hash of Object.keys(document.parts)) store.put('releases', `parts/${hash}.zst`, zstdCompressSync(Buffer.alloc(64_000_000)));
    create('j1', document);
    expect(await outcome('j1')).toBe('FAILED part_damaged');
    expect(readdirSync(join(hub.update, 'parts'))).toEqual([]);
  });
});

test('canceled while it is fetched: it ends there, and the next one is taken', async () => {
  await startAgent();
  store.faults.silent(true);
  create('j1', release(11));
  await until(changes.subscribe, 'the start', () => core.jobs.execution('j1')?.status === 'IN_PROGRESS');
  core.jobs.cancel('j1', { force: true });
  store.faults.silent(false);
  create('j2', release(12));
  await requested();
  hub.run();
  expect(hub.state().trial).toMatchObject({ sequence: 12, attempt: 'j2:1' });
});

test('a job that is being fetched does not hold up the trial of a release from a file', async () => {
  const { agent } = await startAgent();
  store.faults.silent(true);
  create('j1', release(11));
  await until(changes.subscribe, 'the start', () => core.jobs.execution('j1')?.status === 'IN_PROGRESS');
  expect(agent.isTrialTold()).toBe(true);
});

describe('the cloud takes the job back', () => {
  const ways = { canceled: () => core.jobs.cancel('j1', { force: true }), deleted: () => core.jobs.delete('j1') };
  const stages = ['being fetched', 'handed over', 'on trial', 'committed'] as const;
  test.each(Object.keys(ways).flatMap((way) => stages.map((stage) => [way, stage] as [keyof typeof ways, (typeof stages)[number]])))(
    '%s while it is %s: the release goes its way, and the next job is taken',
    async (way, stage) => {
      await startAgent();
      if (stage === 'being fetched') store.faults.silent(true);
      create('j1', release(11));
      if (stage === 'being fetched') await until(changes.subscribe, 'the start', () => core.jobs.execution('j1')?.status === 'IN_PROGRESS');
      else await requested();
      if (stage === 'handed over') ways[way]();
      if (stage !== 'being fetched') hub.run();
      if (stage === 'on trial' || stage === 'committed') await step('trial');
      if (stage === 'committed') core.faults.loseJobsResponses(1);
      if (stage === 'being fetched' || stage === 'on trial') ways[way]();
      if (stage !== 'being fetched') {
        hub.confirm(11, 'healthy');
        hub.run();
      }
      if (stage === 'committed') {
        await ended('j1');
        ways[way]();
      }
      store.faults.silent(false);
      create('j2', release(12));
      await requested();
      hub.run();
      expect(hub.state()).toMatchObject({ current: { sequence: stage === 'being fetched' ? 0 : 11 }, trial: { attempt: 'j2:1' } });
    },
  );
});

describe('two updates at once', () => {
  const parts = () => readdirSync(join(hub.update, 'parts'));

  test('hubctl applies a release while a job is prepared: it is told so, and the job goes through', async () => {
    const stick = await createStick({ root: join(hub.root, 'hub'), stateDirectory: hub.root });
    const file = await stick.release(12, filesOf('stick'));
    let busy = true;
    await startAgent({ busy: () => busy });
    create('j1', release(11));
    await seen('the parts', () => parts().length === 2);
    const apply = await stick.apply(file);
    apply.begin();
    expect(await apply.ended).toEqual({ code: 1, text: expect.stringContaining('Another update is being prepared on this hub') });
    busy = false;
    await requested();
    hub.run();
    hub.confirm(11, 'healthy');
    hub.run();
    expect(await outcome('j1')).toBe('SUCCEEDED committed');
  });

  test('a job comes while hubctl prepares a release: it waits, and nothing of that release is touched', async () => {
    const free = await createProcessLock(hub.update).acquire();
    writeFileSync(join(hub.update, 'parts/of-hubctl'), 'a part');
    const { log } = await startAgent();
    create('j1', release(11));
    await seen('that it waits', () => log.events().includes('update_waits'));
    expect([parts(), store.requests]).toEqual([['of-hubctl'], []]);
    writeFileSync(join(hub.update, 'request.json'), 'of hubctl');
    free!();
    // Until the updater has taken it.
    await sleep(1_000);
    expect(store.requests).toEqual([]);
    await createFiles().remove(join(hub.update, 'request.json'));
    await requested();
    hub.run();
    expect(hub.state().trial).toMatchObject({ sequence: 11, attempt: 'j1:1' });
  });

  test.each(['committed', 'left', 'refused'])('parts are removed once the updater has them, or the job has ended: %s', async (how) => {
    await startAgent();
    create('j1', release(11));
    await requested();
    expect(parts()).toHaveLength(2);
    if (how === 'refused') await truncate(join(hub.update, 'parts', parts()[0]!), 1);
    hub.run();
    await seen('an empty folder', () => parts().length === 0);
    if (how !== 'refused') hub.confirm(11, how === 'committed' ? 'healthy' : 'memory');
    hub.run();
    expect(await outcome('j1')).toBe({ committed: 'SUCCEEDED committed', left: 'FAILED memory', refused: 'REJECTED part_missing' }[how]);
    expect(parts()).toEqual([]);
  });

  test('parts that were fetched are kept for a job that goes on after a restart', async () => {
    const { kill } = await startAgent();
    store.faults.cutAfter(1_000, 1_000);
    create('j1', release(11, { files: { ...filesOf('r11'), 'hub-agent.cjs': incompressible(2_000) } }));
    await seen('a partial part', () => parts().some((name) => name.endsWith('.zst')));
    await kill();
    expect(parts().some((name) => name.endsWith('.zst'))).toBe(true);
  });
});

describe('the disk is full', () => {
  const calls = ['open', 'begin', 'append', 'finish'] as const;
  test.each(calls)('in %s: the job fails for it, the room is given back, and the next job goes through', async (call) => {
    const real = createPartFiles(join(hub.update, 'parts'));
    let full = true;
    const parts: PartFiles = {
      ...real,
      async [call](...args: never[]) {
        // Half of it is there.
        if (full && call === 'append') await writeFile(join(hub.update, 'parts', `${args[0]}.zst`), 'half');
        if (full) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
        return (real[call] as (...rest: never[]) => unknown)(...args);
      },
    };
    await startAgent({ parts });
    create('j1', release(11));
    expect(await outcome('j1')).toBe('FAILED disk_full');
    expect(readdirSync(join(hub.update, 'parts'))).toEqual([]);
    expect(readdirSync(hub.update)).not.toContain('request.json');
    full = false;
    create('j2', release(12));
    await requested();
    hub.run();
    expect(hub.state().trial).toMatchObject({ sequence: 12 });
  });

  test('when the updater is to be asked: the job fails for it, and the room is given back', async () => {
    const files = createFiles();
    await startAgent({
      files: {
        ...files,
        async writeAtomic() {
          throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
        },
      },
    });
    create('j1', release(11));
    expect(await outcome('j1')).toBe('FAILED disk_full');
    expect(readdirSync(join(hub.update, 'parts'))).toEqual([]);
  });
});

test('a command that runs is not cut: the hand-over waits', async () => {
  let busy = true;
  await startAgent({ busy: () => busy });
  create('j1', release(11));
  await seen('the parts', () => readdirSync(hub.root).includes('update') && readdirSync(join(hub.update, 'parts')).length === 2);
  expect(readdirSync(hub.update)).not.toContain('request.json');
  busy = false;
  await requested();
});

test('canceled while a command holds up the hand-over: the agent goes on', async () => {
  let busy = true;
  await startAgent({ busy: () => busy });
  create('j1', release(11));
  await seen('the parts', () => readdirSync(hub.root).includes('update') && readdirSync(join(hub.update, 'parts')).length === 2);
  core.jobs.cancel('j1', { force: true });
  await seen('an empty journal', () => !readdirSync(hub.root).includes('update-job.json'));
  busy = false;
  create('j2', release(12));
  await requested();
  hub.run();
  expect(hub.state().trial).toMatchObject({ sequence: 12, attempt: 'j2:1' });
});

test('the service throttles and loses answers: the job is done all the same, once', async () => {
  core.faults.throttleJobs(2);
  await startAgent();
  core.faults.loseJobsResponses(1);
  create('j1', release(11));
  await requested();
  hub.run();
  core.faults.loseJobsResponses(2);
  hub.confirm(11, 'healthy');
  hub.run();
  expect(await outcome('j1')).toBe('SUCCEEDED committed');
  await seen('an empty journal', () => !readdirSync(hub.root).includes('update-job.json'));
  expect(hub.state().history.filter(({ what }) => what === 'trial')).toHaveLength(1);
});

test("support's bundle goes to the address of the job", async () => {
  await startAgent();
  const key = `bundles/${'$'}{thingName}/${'$'}{jobId}.tar.gz`;
  create('j1', {
    operation: 'upload_bundle',
    url: `${'$'}{aws:iot:s3-presigned-url-upload:https://s3.eu-central-1.amazonaws.com/support/${key}}`,
  });
  expect(await outcome('j1')).toBe('SUCCEEDED uploaded');
  expect(store.get('support', 'bundles/hub-1/j1.tar.gz')?.toString()).toBe('a bundle');
});
