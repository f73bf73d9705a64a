import { printable } from '../../system/printable.ts';
import type { Command } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { field } from '../terminal/text.ts';

export const configCheckCommand: Command = {
  name: 'config check',
  summary: 'Validates identity.json and agent.json as the agent does when it starts',
  usage: '',
  example: 'sudo hubctl config check --config ./agent.json',
  async run({ terminal, json, ports, places }) {
    const { problems, warnings, unreadable, hubId } = await ports.configFaults(places);
    const right = problems.length > 0 ? false : unreadable.length > 0 ? null : true;
    if (json) terminal.out(JSON.stringify({ right, problems, warnings, unreadable }));
    else {
      for (const [mark, list] of [
        ['FAIL', problems],
        ['warn', warnings],
      ] as const) {
        for (const { file, field: name, message, remedy } of list) {
          const text = printable(`${file}${name && `: ${name}`}: ${message}. ${remedy}`);
          for (const line of field(mark, text, 6, terminal.columns)) terminal.out(terminal.paint(mark === 'FAIL' ? 'bad' : 'warn', line));
        }
      }
      for (const path of unreadable) {
        for (const line of field('-', printable(`${path} cannot be read: use sudo`), 6, terminal.columns)) terminal.out(line);
      }
      if (right) terminal.out(terminal.paint('good', `The configuration of hub ${hubId} is right.`));
    }
    return right === null ? EXIT.forbidden : right ? EXIT.ok : EXIT.config;
  },
};
