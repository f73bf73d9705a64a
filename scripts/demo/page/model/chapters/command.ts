import type { CommandView, ViewState } from '../state.ts';
import type { Chapter } from './chapter.ts';

/** A command that the harness sends with a fault, from the shadow to its answer. */
export const answered: readonly Chapter[] = [
  reached('sent', 'server_info stands in the shadow', []),
  reached('taken', 'taken, and cleared from the shadow', ['sent']),
  {
    name: 'answered',
    after: ['taken'],
    last: true,
    see(_, state, { before }) {
      const command = commandSince(state, before.command, 'answered');
      if (!command) return null;
      const runs = command.runs === 1 ? 'once' : `${command.runs} times`;
      return command.runs === 0 ? `answered ${command.status}` : `answered ${command.status}; it ran ${runs}`;
    },
  },
];

/** A stage of that command. */
export function reached(stage: string, text: string, after: readonly string[]): Chapter {
  return { name: stage, after, see: (_, state, { before }) => (commandSince(state, before.command, stage) ? text : null) };
}

/** The first command after this number that came to a stage. */
export function commandSince({ commands }: ViewState, number: number, stage: string): CommandView | undefined {
  return commands.find((each) => each.number > number && each.stages.some(({ name }) => name === stage));
}

/** The Shadow service refuses an update with this code. */
export const refused = (code: number, text: string): Chapter => ({
  name: 'refused',
  see: (event) =>
    event.kind === 'packet' && event.topic?.endsWith('/shadow/update/rejected') && event.text?.includes(`"code":${code}`) ? text : null,
});
