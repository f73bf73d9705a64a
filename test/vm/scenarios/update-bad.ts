import type { Scenario, UpdateContext } from '../scenario.ts';
import type { VirtualRelease } from '../update/releases.ts';
import { committed, type Expect, STEP_TIMEOUT_MS, update } from './update-steps.ts';

/** As long as an agent may take to come up on this machine; a tenth of it a trial lasts at least. */
const SHORT_TRIAL_SECONDS = 60;
const FILLER = '/var/tmp/filler';

type Next = Parameters<UpdateContext['updates']['releases']['next']>[0];

/** A release that does not prove itself, or is none for this hub: the hub is on the one before, and the job says why. */
function bad(
  name: string,
  end: string | readonly string[],
  next: Next,
  arrange: (context: UpdateContext, release: VirtualRelease) => Promise<void> = async () => {},
  after: (context: UpdateContext, expect: Expect) => Promise<void> = async () => {},
): Scenario {
  return update(`bad release: ${name}`, async (context, expect) => {
    const { updates } = context;
    const before = await committed(context);
    const release = updates.releases.next(next);
    updates.publish(release);
    await arrange(context, release);
    try {
      const id = updates.send(release);
      const ended = await updates.ended(id, 2 * STEP_TIMEOUT_MS);
      return { answer: ended ?? 'none', runs: before, job: { id, end, release } };
    } finally {
      await after(context, expect);
    }
  });
}

const shortly = ({ updates }: UpdateContext) => updates.setTrialSeconds(SHORT_TRIAL_SECONDS);

/** The agent with another configuration. */
const withConfig = (name: string) => `process.argv.push('--config', '/opt/cuts/${name}.json');`;

/** Leaves 30 MB that a user may write. */
const fill = `fallocate -l $(($(stat -f -c '%a * %S' /var/tmp) - 30000000)) ${FILLER}`;
/** Leaves so many bytes, those that are kept for root among them. */
const fillToTheLast = (leftBytes: number) =>
  [
    `fallocate -l $(($(stat -f -c '%f * %S' /var/tmp) - 30000000)) ${FILLER}`,
    `dd if=/dev/zero of=${FILLER}.more bs=64k 2> /dev/null || true`,
    `truncate -s -${leftBytes} ${FILLER}.more; sync`,
  ].join('\n');
const empty = async ({ hub }: UpdateContext) => void (await hub.must(`rm -f ${FILLER} ${FILLER}.more`));

/** Every kind of bad release that the design knows. */
export const badUpdates: Scenario[] = [
  bad('exits at once', 'FAILED starts_used_up', { script: 'process.exit(1);' }),
  bad('dies before it has settled', 'FAILED starts_used_up', { script: 'setTimeout(() => process.kill(process.pid, "SIGKILL"), 9_000);' }),
  bad('hangs before it is ready', ['FAILED deadline', 'FAILED starts_used_up'], { script: 'setInterval(() => {}, 1e9); return;' }, shortly),
  bad('ready without a way to the cloud', ['FAILED no_cloud', 'FAILED deadline'], { script: withConfig('no-cloud') }, shortly),
  bad(
    'loses a bus',
    ['FAILED bus_lost', 'FAILED deadline'],
    { script: withConfig('no-bus') },
    async (context) => {
      await context.hub.serial.plug();
      await context.updates.busIsUp();
      await shortly(context);
    },
    ({ hub }) => hub.serial.yank(),
  ),
  bad('eats memory', ['FAILED memory', 'FAILED starts_used_up'], {
    script: 'const eaten = []; setInterval(() => eaten.push(Buffer.alloc(8e6, 1)), 300);',
  }),
  bad('for another processor', 'REJECTED wrong_arch', { more: { arch: 'arm64' } }),
  bad('signed by a foreign key', 'REJECTED bad_signature', { foreignKey: true }),
  bad('older than the one that runs', 'REJECTED older_sequence', { more: { sequence: 1 } }),
  bad('needs a newer system', 'REJECTED system_too_old', { more: { requiresSystem: 2 } }),
  bad('a part is truncated', 'FAILED part_damaged', {}, async ({ updates }, release) => updates.truncate(release)),
  bad(
    'no room when it is fetched',
    'FAILED disk_full',
    {},
    async ({ hub }) => void (await hub.must(fill)),
    async (context) => empty(context),
  ),
  update('bad release: no room when it is installed', async (context, expect) => {
    const { updates, hub } = context;
    const before = await committed(context);
    const release = updates.releases.next({ ballast: 3_000_000 });
    await updates.hold('hub-updater openSync after request\\.json');
    const id = updates.send(release);
    expect(await updates.held(STEP_TIMEOUT_MS), 'the updater was not asked');
    try {
      await hub.must(fillToTheLast(1_000_000));
      await updates.letGo();
      const ended = await updates.ended(id, STEP_TIMEOUT_MS);
      return { answer: ended ?? 'none', runs: before, job: { id, end: 'REJECTED disk_full', release } };
    } finally {
      await empty(context);
    }
  }),
  update('a disk without a byte left: the release waits for room', async (context, expect) => {
    const { updates, hub } = context;
    const release = updates.releases.next();
    await updates.hold('hub-updater openSync after request\\.json');
    const id = updates.send(release);
    expect(await updates.held(STEP_TIMEOUT_MS), 'the updater was not asked');
    try {
      await hub.must(fillToTheLast(0));
      const fails = updates.says('tries again in a minute', STEP_TIMEOUT_MS);
      await updates.letGo();
      expect(await fails, 'the updater did not fail');
    } finally {
      await empty(context);
    }
    return { answer: 'committed', runs: release.manifest.sequence, job: { id, end: 'SUCCEEDED committed', release } };
  }),
];
