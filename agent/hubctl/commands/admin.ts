import { LOG_LEVELS } from '../../control/api.ts';
import { forgetState } from '../../state/forget-state.ts';
import type { ResetKind } from '../../state/reset-notes.ts';
import { createFiles } from '../../system/files.ts';
import { doneAnswer } from '../answers/status.ts';
import { type Command, type CommandContext, UsageError } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { attempt, say } from '../cli/failure.ts';
import { forgetCache } from '../machine/forget-cache.ts';
import { type KeysForgotten, forgetKeys as removeKeys } from '../machine/forget-keys.ts';
import { isAtRest, isSilent } from '../machine/service-state.ts';
import type { Terminal } from '../terminal/terminal.ts';

export const logLevelCommand: Command = {
  name: 'loglevel',
  summary: 'Changes the log level of the agent for a limited time',
  usage: `${LOG_LEVELS.join('|')} [--minutes N]`,
  details: ['After N minutes (60) the agent returns to the configured level.'],
  example: 'sudo hubctl loglevel debug --minutes 10',
  options: { minutes: { type: 'string', default: '60' } },
  words: { min: 1, max: 1 },
  choices: LOG_LEVELS,
  async run({ client, terminal, json, options, words }) {
    const level = words[0]!;
    const minutes = Number(options.minutes);
    if (!LOG_LEVELS.includes(level as never)) throw new UsageError(`The level must be one of ${LOG_LEVELS.join(', ')}.`);
    if (!Number.isInteger(minutes) || minutes < 1 || minutes > 1440)
      throw new UsageError('--minutes must be a whole number from 1 to 1440.');
    const answer = await client.change('PUT', '/v1/log-level', { level, minutes }, doneAnswer);
    terminal.out(json ? JSON.stringify(answer) : `The agent logs at level ${level} for ${minutes} minutes.`);
    return EXIT.ok;
  },
};

const QUESTIONS: Readonly<Record<ResetKind, string>> = {
  state: 'The agent deletes its list of known nodes and the files that it set aside as damaged, and restarts.',
  factory:
    'The agent deletes the claim, the Wi-Fi networks that it was moved to, its commands, the answers that are not delivered yet, its Zigbee networks and the list of known nodes, and restarts. The OSDP keys beside its configuration and those that it gave to peripherals itself are removed: keep a copy if the locks stay in use. Every Zigbee device has to be paired again.',
};

const MAY_RUN = 'systemd does not answer, so the agent may be running: nothing was deleted.';
const NEXT = 'Try again, or: sudo systemctl --force --force reboot';

/** It is not known whether the agent runs. */
function refuse(terminal: Terminal, json: boolean): number {
  if (json) terminal.out(JSON.stringify({ error: { code: 'systemd_silent', message: MAY_RUN } }));
  else say(terminal, `hubctl: ${MAY_RUN} ${NEXT}`);
  return EXIT.hung;
}

/** Root's part of a factory reset: the agent may touch neither the keys nor the cache. What remains is reported. */
async function forgetKeys({ terminal, places, ports }: CommandContext): Promise<KeysForgotten> {
  const { settingsOf } = await import('../machine/settings.ts');
  const named = settingsOf(places).buses.flatMap(({ keysPath }) => keysPath ?? []);
  const keys = await removeKeys(places.configPath, named, { files: createFiles(), paths: ports.paths });
  if (keys.left.length > 0) say(terminal, `hubctl: OSDP keys remain in ${keys.left.join(', ')}: remove them manually.`);
  await forgetCache(places.stateDirectory).catch(() => say(terminal, 'hubctl: /var/cache/hub-agent remains: remove it manually.'));
  return keys;
}

export const resetCommand: Command = {
  name: 'reset',
  summary: 'Deletes what the agent has learnt, and restarts it',
  usage: '[--factory] [--yes]',
  details: [
    '--factory   also removes the claim, the commands, the Wi-Fi networks that the agent was given, the Zigbee networks with their devices, and the OSDP keys: those beside the configuration (keys/), and those that it gave to peripherals itself. Identity, certificate, configuration and other Wi-Fi profiles (those of the factory) stay. The hub accepts the next claim and rejects the old one. The Zigbee stick keeps its network until hubctl zigbee form --replace.',
    '--yes       does not ask for confirmation',
  ],
  example: 'sudo hubctl reset --factory',
  options: { factory: { type: 'boolean' }, yes: { type: 'boolean', short: 'y' } },
  async run(context) {
    const { client, terminal, json, options, places, ports } = context;
    const kind: ResetKind = options.factory ? 'factory' : 'state';
    if (!options.yes) {
      const answer = await terminal.ask(`${QUESTIONS[kind]} Type "yes" to continue: `);
      if (answer === null) throw new UsageError('There is no terminal to ask for confirmation: use --yes.');
      if (answer.trim() !== 'yes') {
        terminal.error('Nothing was done.');
        return EXIT.bad;
      }
    }
    const { problem } = await attempt(client.change('POST', '/v1/reset', { kind }, doneAnswer));
    if (problem && problem.problem !== 'down') throw problem;
    if (!problem) {
      const keys = kind === 'factory' ? await forgetKeys(context) : null;
      terminal.out(json ? JSON.stringify({ kind, by: 'agent', ...(keys && { keys }) }) : 'The agent deletes its state and restarts.');
      return EXIT.ok;
    }
    // An agent that may live would write over what is removed under it.
    const service = await ports.service();
    if (isSilent(service) && !isAtRest(service)) return refuse(terminal, json);
    if (!isAtRest(service)) throw problem;
    const keys = kind === 'factory' ? await forgetKeys(context) : null;
    await ports.becomeOwner(places.stateDirectory);
    const removed = await forgetState(createFiles(), places.stateDirectory, kind, { error: () => {} });
    terminal.out(
      json
        ? JSON.stringify({ kind, by: 'hubctl', removed, ...(keys && { keys }) })
        : `The agent does not run; ${removed.length} files were removed from ${places.stateDirectory}.${kind === 'factory' ? ' It removes its Wi-Fi networks when it starts.' : ''}`,
    );
    return EXIT.ok;
  },
};
