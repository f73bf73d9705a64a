import type { Identified } from '../../contract/maintenance.ts';
import { lookUp } from '../../health/finding.ts';
import { printable } from '../../system/printable.ts';
import { messages } from '../answers/answer.ts';
import { forgetAnswer, identifyAnswer, setAddressAnswer, type WorkMessage } from '../answers/work.ts';
import { AgentError, type Answer } from '../cli/client.ts';
import { type Command, type CommandContext, UsageError } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { wrap } from '../terminal/text.ts';

/** Seconds of waiting after which the screen shows that it goes on. */
const TELL_AFTER = 3;

/**
 * Has the agent do something with a node, and gives what it answered.
 * @throws UsageError for arguments that the agent refuses, AgentError for everything else that it refuses
 */
export async function maintain<T, P = never>(
  { client, terminal, json }: CommandContext,
  path: string,
  body: unknown,
  answer: Answer<WorkMessage<T, P>>,
  onProgress: (progress: P) => void = () => {},
): Promise<T | 'interrupted'> {
  let last: WorkMessage<T, P> = {};
  let waited = 0;
  const onLine = messages(answer, (message) => {
    if (message.progress !== undefined) onProgress(message.progress);
    else if (!message.waiting) last = message;
    else if (++waited === TELL_AFTER && !json) terminal.error('It waits for the bus …');
  });
  await client.lines({ path, body, signal: terminal.interrupted }, onLine);
  if (terminal.interrupted.aborted) return 'interrupted';
  const { result, error } = last;
  if (error?.code === 'invalid_args') throw new UsageError(error.message);
  if (error) throw new AgentError('refused', `${error.message}.`, error.code);
  if (result === undefined) throw new AgentError('down', 'The agent ended before it answered.');
  return result;
}

const WAYS: Readonly<Record<Identified['by'][number], string>> = { led: 'blinks', buzzer: 'beeps' };

function tell(terminal: Terminal, text: string): void {
  for (const line of wrap(printable(text), terminal.columns)) terminal.out(line);
}

/** A whole number of the command line. @throws UsageError */
export function whole(text: unknown, what: string, min: number, max: number): number {
  const value = Number(text);
  if (typeof text === 'string' && text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new UsageError(`${what} must be a whole number from ${min} to ${max}.`);
}

export const nodesIdentifyCommand: Command = {
  name: 'nodes identify',
  summary: 'Has a peripheral blink and beep, to find its door',
  usage: '<NODE> [--seconds N]',
  details: ['--seconds N   for so long: 1 to 60 (10)'],
  example: 'sudo hubctl nodes identify rs485/5',
  options: { seconds: { type: 'string', default: '10' } },
  words: { min: 1, max: 1 },
  async run(context) {
    const { terminal, json, words, options } = context;
    const seconds = whole(options.seconds, '--seconds', 1, 60);
    const answer = await maintain(context, '/v1/nodes/identify', { nodeId: words[0], seconds }, identifyAnswer);
    if (answer === 'interrupted') return EXIT.interrupted;
    if (json) terminal.out(JSON.stringify(answer));
    else tell(terminal, `${answer.nodeId} ${answer.by.map((way) => lookUp(WAYS, way, way)).join(' and ')} for ${answer.seconds} s.`);
    return EXIT.ok;
  },
};

export const nodesForgetCommand: Command = {
  name: 'nodes forget',
  summary: 'Forgets a node that is gone for good',
  usage: '<NODE>',
  details: ['Its alarms end. One that still answers appears again at once, as a new node.', 'Stored keys stay.'],
  example: 'sudo hubctl nodes forget rs485/5',
  words: { min: 1, max: 1 },
  async run(context) {
    const { terminal, json, words } = context;
    const answer = await maintain(context, '/v1/nodes/forget', { nodeId: words[0] }, forgetAnswer);
    if (answer === 'interrupted') return EXIT.interrupted;
    terminal.out(json ? JSON.stringify({ forgotten: answer.nodeId }) : `${answer.nodeId} is forgotten.`);
    return EXIT.ok;
  },
};

/** The highest rate of the standard is 230400; the agent checks the rate itself. */
const MAX_RATE = 1_000_000;

export const busSetAddressCommand: Command = {
  name: 'bus set-address',
  summary: 'Gives a peripheral another address on its bus',
  usage: '<BUS> <FROM> <TO> [--baud N]',
  details: [
    '--baud N   another rate as well, in bit/s; the bus must then get it too',
    'TO must be free: it is asked first. New readers come with address 0:',
    'connect them one after the other.',
  ],
  example: 'sudo hubctl bus set-address rs485 0 5',
  options: { baud: { type: 'string' } },
  words: { min: 3, max: 3 },
  async run(context) {
    const { terminal, json, words, options } = context;
    const from = whole(words[1], 'FROM', 0, 126);
    const to = whole(words[2], 'TO', 0, 126);
    const baudRate = options.baud === undefined ? null : whole(options.baud, '--baud', 1, MAX_RATE);
    const path = `/v1/bus/${encodeURIComponent(words[0]!)}/set-address`;
    const answer = await maintain(context, path, { from, to, baudRate }, setAddressAnswer);
    if (answer === 'interrupted') return EXIT.interrupted;
    const { bus, proven } = answer;
    if (json) terminal.out(JSON.stringify(answer));
    else if (proven) terminal.out(`The peripheral answers as ${bus}/${to}.`);
    else {
      const next = `Set "baudRate": ${answer.baudRate} for the bus when every peripheral has it.`;
      tell(terminal, `The peripheral confirmed address ${to} and ${answer.baudRate} bit/s. It does not answer here any more. ${next}`);
    }
    return EXIT.ok;
  },
};
