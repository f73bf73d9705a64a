import { utc } from '../../system/units.ts';
import { nodesAnswer } from '../answers/nodes.ts';
import type { Command } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { attempt, codeOf, say } from '../cli/failure.ts';
import { NOT_READABLE, readNodes } from '../cli/offline.ts';
import { nodeScreen } from './node-screen.ts';

export const nodesShowCommand: Command = {
  name: 'nodes show',
  summary: 'Everything that is known of one node',
  usage: '<NODE>',
  details: ['Functions stand with their compliance level and their number of items.'],
  example: 'hubctl nodes show rs485/5',
  words: { min: 1, max: 1 },
  async run({ client, terminal, json, ports, places, words }) {
    const nodeId = words[0]!;
    const { value, problem } = await attempt(client.get('/v1/nodes', nodesAnswer));
    const offline = value ? null : await readNodes(places.stateDirectory);
    const stored = offline?.nodes.nodes.find((each) => each.nodeId === nodeId) ?? null;
    const node = stored ?? value?.nodes.find((each) => each.nodeId === nodeId);
    const { columns, paint } = terminal;
    if (node && json) terminal.out(JSON.stringify({ ...node, ...(offline && { writtenAt: offline.at }) }));
    else if (node) for (const line of nodeScreen(node, ports.wallClock.nowMs(), columns, paint, stored)) terminal.out(line);
    if (problem) {
      const at = node && offline?.at != null ? ` This is what it knew at ${utc(offline.at)}.` : '';
      say(terminal, `hubctl: ${problem.message}${offline?.denied ? ` The nodes on the disk are ${NOT_READABLE}` : at}`);
      return codeOf(problem);
    }
    if (node) return EXIT.ok;
    const message = `there is no node ${JSON.stringify(nodeId)}: hubctl nodes lists them`;
    if (json) terminal.out(JSON.stringify({ error: { code: 'node_unknown', message } }));
    else say(terminal, `hubctl: ${message}`);
    return EXIT.bad;
  },
};
