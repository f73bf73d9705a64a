import type { JoinEvent } from '../../contract/zigbee.ts';
import { printable } from '../../system/printable.ts';
import { messages } from '../answers/answer.ts';
import { joinAnswer, REMOVAL } from '../answers/zigbee.ts';
import { type Command, UsageError } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { askNetwork, chosenNetwork } from './zigbee.ts';

const MAX_SECONDS = 254;
const DEFAULT_SECONDS = 60;

const WORDS: Readonly<Record<'joined' | 'interview_started' | 'interview_done' | 'interview_failed', string>> = {
  joined: 'joined',
  interview_started: 'is asked what it is',
  interview_done: 'has told what it is',
  interview_failed: 'did not answer all questions; it is asked again when it is heard',
};

/** An event as a line; null for what a person need not see. */
function lineOf(event: JoinEvent): string | null {
  switch (event.event) {
    case 'open':
      return `Joining is open for ${event.seconds} s. Set the device to pairing now. Ctrl-C ends the display; joining closes by itself.`;
    case 'closed':
      return 'Joining is closed.';
    case 'device':
      return event.model === null ? null : `${event.address} is ${[event.vendor, event.model].filter(Boolean).join(' ')}`;
    case 'reporting':
      return event.problem === null
        ? `${event.address} is ready: it reports by itself`
        : `${event.address} does not report all: ${event.problem}`;
    case 'joined':
    case 'interview_started':
    case 'interview_done':
    case 'interview_failed':
      return `${event.address} ${WORDS[event.event]}`;
    default:
      return null;
  }
}

export const permitJoinCommand: Command = {
  name: 'nodes permit-join',
  summary: 'Lets Zigbee devices join, and shows which do',
  usage: `[SECONDS] [--bus ID]`,
  details: [`SECONDS    1 to ${MAX_SECONDS}, by itself ${DEFAULT_SECONDS}; 0 closes`, '--bus ID   which network, when there are several'],
  example: 'sudo hubctl nodes permit-join 60',
  options: { bus: { type: 'string' } },
  words: { min: 0, max: 1 },
  async run(context) {
    const { client, terminal, json, words } = context;
    const seconds = words[0] === undefined ? DEFAULT_SECONDS : Number(words[0]);
    if (!Number.isInteger(seconds) || seconds < 0 || seconds > MAX_SECONDS)
      throw new UsageError(`SECONDS must be a whole number from 0 to ${MAX_SECONDS}.`);
    const { bus } = await chosenNetwork(context);
    const path = `/v1/zigbee/${encodeURIComponent(bus)}/permit-join`;
    const onLine = messages(joinAnswer, (event, line) => {
      const text = json ? line : lineOf(event);
      if (text !== null) terminal.out(json ? text : printable(text));
    });
    await client.lines({ path, body: { seconds }, signal: terminal.interrupted }, onLine);
    return terminal.interrupted.aborted ? EXIT.interrupted : EXIT.ok;
  },
};

export const removeNodeCommand: Command = {
  name: 'nodes remove',
  summary: 'Removes a Zigbee device from its network; to return it has to be paired',
  usage: 'NODE [--yes]',
  details: ['NODE    as in hubctl nodes: BUS/0x…', '--yes   does not ask'],
  example: 'sudo hubctl nodes remove zigbee/0x00158d0001020304',
  options: { yes: { type: 'boolean', short: 'y' } },
  words: { min: 1, max: 1 },
  async run(context) {
    const { terminal, json, options, words } = context;
    const [bus = '', address = ''] = words[0]!.split('/');
    if (address === '') throw new UsageError('NODE is BUS/ADDRESS, as in hubctl nodes.');
    if (!options.yes) {
      const answer = await terminal.ask(`${printable(words[0]!)} has to be paired again to come back. Type "yes" to go on: `);
      if (answer === null) throw new UsageError('There is no terminal to ask on: use --yes.');
      if (answer.trim() !== 'yes') {
        terminal.error('Nothing was done.');
        return EXIT.bad;
      }
    }
    const { bus: id } = await chosenNetwork({ ...context, options: { ...options, bus } });
    const removed = await askNetwork<{ confirmed: boolean }>(context, id, 'remove', { address }, REMOVAL);
    if (json) terminal.out(JSON.stringify(removed));
    else
      terminal.out(
        removed.confirmed
          ? 'It has left.'
          : 'It sleeps and did not answer: it is forgotten. Reset it, so that it does not try to come back.',
      );
    return EXIT.ok;
  },
};
