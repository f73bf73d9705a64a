import type { CommandReport } from '../../control/api.ts';
import { utc } from '../../system/units.ts';
import { commandsAnswer } from '../answers/commands.ts';
import type { Command } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { attempt, codeOf, say } from '../cli/failure.ts';
import { NOT_READABLE, readCommands } from '../cli/offline.ts';
import type { Colour, Paint } from '../terminal/terminal.ts';
import { type Column, table } from '../terminal/text.ts';

function stateOf({ status, stage, answered }: CommandReport): string {
  if (status !== null) return status;
  if (stage !== 'delivered') return stage;
  return answered && answered.status !== 'SUCCEEDED' ? `answered ${answered.status}` : 'answered';
}

const errorOf = ({ outcome, answered }: CommandReport) => (outcome && 'error' in outcome ? outcome.error.code : (answered?.code ?? '-'));

const colourOf = (state: string): Colour =>
  state === 'SUCCEEDED' || state === 'answered' ? 'good' : state === 'IN_PROGRESS' ? 'warn' : 'bad';

function columnsOf(paint: Paint): Column<CommandReport>[] {
  return [
    { title: 'RECEIVED', text: ({ receivedAt }) => utc(receivedAt).slice(5, 19), optional: 0 },
    { title: 'COMMAND', text: ({ command }) => command, optional: 0, flexible: true },
    { title: 'STATE', text: stateOf, optional: 0, paint: (report, text) => paint(colourOf(stateOf(report)), text) },
    { title: 'ERROR', text: errorOf, optional: 1 },
    {
      title: 'TOOK',
      text: ({ receivedAt, finishedAt }) => (finishedAt === null ? '-' : `${((finishedAt - receivedAt) / 1000).toFixed(1)} s`),
      optional: 2,
    },
    { title: 'FROM', text: ({ intake }) => intake, optional: 3 },
    { title: 'ID', text: ({ id }) => id, optional: 4 },
  ];
}

export const commandsCommand: Command = {
  name: 'commands',
  summary: 'The journal: each command that was received, and its outcome',
  usage: '',
  details: [
    '"answered" means delivered, "answered FAILED" delivered as a failure. Without "answered" the answer still waits for its delivery.',
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
