import type { CommandReport } from '../../control/api.ts';
import { utc } from '../../system/units.ts';
import { commandsAnswer } from '../answers/commands.ts';
import type { Command } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { attempt, codeOf, say } from '../cli/failure.ts';
import { NOT_READABLE, readCommands } from '../cli/offline.ts';
import { type Column, table } from '../terminal/table.ts';
import type { Paint } from '../terminal/terminal.ts';
import { answerColour, answerText, tookText } from './answer-words.ts';

/** `set_wifi_credentials`, the longest name that a hub knows. */
const USUAL_NAME = 20;
/** `FAILED wifi_authentication_failed`. */
const USUAL_ANSWER = 33;

function columnsOf(paint: Paint): Column<CommandReport>[] {
  return [
    { title: 'RECEIVED', text: ({ receivedAt }) => utc(receivedAt).slice(5, 19), optional: 0 },
    { title: 'COMMAND', text: ({ command }) => command, optional: 0, flexible: USUAL_NAME },
    {
      title: 'ANSWER',
      text: answerText,
      optional: 0,
      flexible: USUAL_ANSWER,
      paint: (report, text) => paint(answerColour(report), text),
    },
    { title: 'TOOK', text: (report) => tookText(report) ?? '-', optional: 1 },
    { title: 'FROM', text: ({ intake }) => intake, optional: 3 },
    { title: 'ID', text: ({ id }) => id, optional: 2 },
  ];
}

export const commandsCommand: Command = {
  name: 'commands',
  summary: 'The journal: each command that was received, and its outcome',
  usage: '',
  details: [
    '"not delivered" means that the answer still waits for its delivery.',
    'Wide terminals show the ids, by which the log names the commands; --json always has them.',
  ],
  example: 'hubctl commands --json | jq .commands[].id',
  async run({ client, terminal, json, places, ports }) {
    const { value, problem } = await attempt(client.get('/v1/commands', commandsAnswer));
    const offline = value ? null : await readCommands(places.stateDirectory, ports.paths);
    const commands = value?.commands ?? offline?.commands ?? [];
    const closed = offline?.denied === true;
    if (json) terminal.out(JSON.stringify({ commands, ...(problem && { problem: problem.message }), ...(closed && { unreadable: true }) }));
    else {
      const [head = '', ...body] = table(columnsOf(terminal.paint), commands, terminal.columns);
      if (commands.length > 0) terminal.out([terminal.paint('dim', head), ...body].join('\n'));
      else if (!closed) terminal.out('No command has come yet.');
      if (problem)
        say(
          terminal,
          `hubctl: ${problem.message} ${closed ? `The journal on the disk is ${NOT_READABLE}` : 'This is the journal on the disk.'}`,
        );
    }
    return problem ? codeOf(problem) : EXIT.ok;
  },
};
