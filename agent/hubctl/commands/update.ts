import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { createPartFiles } from '../../release/part-file.ts';
import { PARTS_FOLDER, UPDATE_FOLDER } from '../../release/places.ts';
import type { ReleaseEvent } from '../../release/state.ts';
import { HubError } from '../../system/errors.ts';
import { createFiles } from '../../system/files.ts';
import { createProcessLock } from '../../system/process-lock.ts';
import { bytes, utc } from '../../system/units.ts';
import { statusAnswer } from '../answers/status.ts';
import { type Command, type CommandContext, UsageError } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { attempt, say } from '../cli/failure.ts';
import { discard, handOver, inTurn } from '../update/hand-over.ts';
import { type ReleaseFile, withReleaseFile } from '../update/release-file.ts';
import { createHubReleases } from '../update/releases.ts';
import { eventText } from '../update/words.ts';

/** The path unit starts the updater at once; a part of 120 MB takes its time. */
const TAKEN_MS = 180_000;
/** A trial has 10 minutes in each boot. */
const TRIAL_MS = 15 * 60_000;
/** Left free. */
const SPARE_BYTES = 64 * 1024 * 1024;

const releasesOf = ({ ports }: CommandContext) => createHubReleases({ root: ports.releaseRoot, files: createFiles(), clock: ports.clock });

const name = (sequence: number, factory: number | null) =>
  sequence === 0 ? `the package's own${factory === null ? '' : ` (${factory})`}` : String(sequence);

export const updateStatusCommand: Command = {
  name: 'update status',
  summary: 'Which release runs, which is on trial, and what became of the last one',
  usage: '',
  example: 'hubctl update status',
  async run(context) {
    const { terminal, json, client } = context;
    const releases = releasesOf(context);
    const [state, factory, { value }] = await Promise.all([
      releases.state(),
      releases.factorySequence(),
      attempt(client.get('/v1/status', statusAnswer)),
    ]);
    const { current, previous, trial, highest, history } = state;
    const last = history.at(-1) ?? null;
    if (json) {
      terminal.out(
        JSON.stringify({
          factory,
          running: value?.release ?? null,
          current: current.sequence,
          previous: previous.sequence,
          trial,
          highest,
          last,
        }),
      );
      return EXIT.ok;
    }
    if (value?.release)
      terminal.out(`running:   ${value.release.sequence ?? 'not started by the launcher'}${value.release.trial ? ', on trial' : ''}`);
    terminal.out(`committed: ${name(current.sequence, factory)}`);
    terminal.out(`before it: ${name(previous.sequence, factory)}`);
    if (trial) terminal.out(`on trial:  ${trial.sequence} (${trial.attempt})`);
    if (last) terminal.out(`last:      ${utc(last.atSeconds * 1000)} ${eventText(last)}`);
    return EXIT.ok;
  },
};

export const updateHistoryCommand: Command = {
  name: 'update history',
  summary: 'What happened to releases on this hub, the newest last',
  usage: '',
  example: 'hubctl update history',
  async run(context) {
    const { history } = await releasesOf(context).state();
    if (context.json) context.terminal.out(JSON.stringify({ history }));
    else if (history.length === 0) context.terminal.out('No release was installed over that of the package.');
    else for (const event of history) context.terminal.out(`${utc(event.atSeconds * 1000)}  ${eventText(event)} (${event.attempt})`);
    return EXIT.ok;
  },
};

type IsOurs = (event: ReleaseEvent) => boolean;

const teller =
  ({ terminal, json }: CommandContext) =>
  (event: ReleaseEvent) =>
    terminal.out(json ? JSON.stringify(event) : `${eventText(event)}.`);

/** Waits until the updater has taken an attempt, and tells it; null: it did not in time. */
async function taken(context: CommandContext, isOurs: IsOurs): Promise<ReleaseEvent | null> {
  const { terminal } = context;
  const options = { timeoutMs: TAKEN_MS, signal: terminal.interrupted, isOurs, isEnd: () => true };
  const event = await releasesOf(context).follow(options, teller(context));
  if (event === null)
    say(
      terminal,
      'hubctl: the updater did not take it in time. Look with: systemctl status hub-agent-update.path hub-agent-update.service',
    );
  return event;
}

/** Tells what happens to an attempt from when the updater has taken it until its end; gives the exit code. */
async function follow(context: CommandContext, isOurs: IsOurs, first: ReleaseEvent | null): Promise<number> {
  const { terminal, json } = context;
  if (first === null) return EXIT.hung;
  if (first.what !== 'trial') return first.what === 'refused' ? EXIT.bad : EXIT.ok;
  if (!json) terminal.out('It proves itself for a minute or more; Ctrl-C ends this command, and not the trial.');
  const isEnd = ({ what }: ReleaseEvent) => what !== 'trial';
  const options = {
    timeoutMs: TRIAL_MS,
    signal: terminal.interrupted,
    isOurs: (event: ReleaseEvent) => isOurs(event) && isEnd(event),
    isEnd,
  };
  const ended = await releasesOf(context).follow(options, teller(context));
  return ended === null ? EXIT.hung : ended.what === 'committed' ? EXIT.ok : EXIT.bad;
}

/** Hands a release to the updater, and waits until it has it: so long no other update is prepared. @throws HubError */
async function apply(
  context: CommandContext,
  path: string,
  release: ReleaseFile,
  isOurs: IsOurs,
  attempt: string,
): Promise<ReleaseEvent | null> {
  const { terminal, json, ports, places } = context;
  const folder = join(places.stateDirectory, UPDATE_FOLDER);
  const parts = createPartFiles(join(folder, PARTS_FOLDER));
  const files = createFiles();
  const { manifest } = release;
  return inTurn({ files, folder, lock: createProcessLock(folder) }, async () => {
    const { parts: missing, copiedBytes } = await releasesOf(context).missing(manifest);
    const fresh = missing.reduce((sum, part) => sum + part.bytes, 0);
    // What is new lies there twice while it is installed.
    const needed = 2 * fresh + copiedBytes + SPARE_BYTES;
    const { availableBytes } = (await ports.host(places.stateDirectory).collect()).disk;
    if (availableBytes !== null && availableBytes < needed)
      throw new HubError(
        'storage_failed',
        `The disk has ${bytes(availableBytes)} left, and the release needs ${bytes(needed)}. Nothing was done.`,
      );
    // The folder is the agent's: what it may have put there is not followed with root's rights.
    await ports.becomeOwner(places.stateDirectory);
    await handOver({ folder, parts, files, signal: terminal.interrupted }, { path, release, missing, attempt });
    if (!json) terminal.out(`Release ${manifest.sequence} (${manifest.version}) is handed to the updater; ${bytes(fresh)} are new.`);
    const event = await taken(context, isOurs);
    // A request that waits needs them.
    if (event !== null) await discard(parts);
    return event;
  });
}

export const updateApplyCommand: Command = {
  name: 'update apply',
  summary: 'Installs a release from a file, on trial first',
  usage: '<file>',
  details: [
    'The file is what npm run release makes. It is handled like an update from the cloud: only a release that is signed by a key of this hub',
    'is taken, and one that does not prove itself is rolled back. A hub that had no session with the cloud needs none for it.',
  ],
  example: 'sudo hubctl update apply /media/usb/hub-agent.release',
  words: { min: 1, max: 1 },
  async run(context) {
    const { terminal, ports, words } = context;
    if (!ports.isRoot) {
      say(terminal, 'hubctl: only root may install a release. do: sudo hubctl update apply FILE');
      return EXIT.forbidden;
    }
    const attempt = `local:${randomUUID()}`;
    const isOurs = (event: ReleaseEvent) => event.attempt === attempt;
    const path = resolve(words[0]!);
    const keys = await releasesOf(context).keys();
    const event = await withReleaseFile(path, keys, (release) => apply(context, path, release, isOurs, attempt));
    return follow(context, isOurs, event);
  },
};

export const updateRollbackCommand: Command = {
  name: 'update rollback',
  summary: 'Ends a trial, or goes back to the release before',
  usage: '[--yes]',
  details: [
    'A release that was rolled back is not accepted again with its sequence: sign it again with a higher one.',
    '--yes   does not ask for confirmation',
  ],
  example: 'sudo hubctl update rollback',
  options: { yes: { type: 'boolean', short: 'y' } },
  async run(context) {
    const { terminal, ports, options } = context;
    if (!ports.isRoot) {
      say(terminal, 'hubctl: only root may roll back a release. do: sudo hubctl update rollback');
      return EXIT.forbidden;
    }
    const releases = releasesOf(context);
    const { current, previous, trial, history } = await releases.state();
    const from = trial?.sequence ?? current.sequence;
    if (from === 0) {
      say(terminal, "hubctl: the package's own release runs: there is none before it.");
      return EXIT.bad;
    }
    if (!options.yes) {
      const to = name(trial ? current.sequence : previous.sequence, await releases.factorySequence());
      const answer = await terminal.ask(
        `The hub goes back from release ${from} to ${to}, and its agent restarts. Type "yes" to continue: `,
      );
      if (answer === null) throw new UsageError('There is no terminal to ask for confirmation: use --yes.');
      if (answer.trim() !== 'yes') {
        terminal.error('Nothing was done.');
        return EXIT.bad;
      }
    }
    // Only what comes after what was there.
    const known = new Set(history.map((event) => JSON.stringify(event)));
    await releases.askRollback(from);
    const isOurs = (event: ReleaseEvent) => event.sequence === from && event.what === 'rolled_back' && !known.has(JSON.stringify(event));
    return follow(context, isOurs, await taken(context, isOurs));
  },
};
