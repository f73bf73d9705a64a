import type { Node, NodesResult } from '../../contract/node.ts';
import { sleep } from '../../system/clock.ts';
import { printable } from '../../system/printable.ts';
import { duration, utc } from '../../system/units.ts';
import { nodesAnswer } from '../answers/nodes.ts';
import type { AgentError } from '../cli/client.ts';
import { type Command, type CommandContext, UsageError } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { attempt, codeOf, say } from '../cli/failure.ts';
import { NOT_READABLE, readNodes, type StoredNodes } from '../cli/offline.ts';
import type { StoredNode } from '../cli/stored.ts';
import { type Column, table } from '../terminal/table.ts';
import type { Paint } from '../terminal/terminal.ts';
import { wrap } from '../terminal/text.ts';
import { lastStateOf, type NodeState, scanWords, stateOf } from './node-state.ts';
import { runCommand } from './run.ts';

const BUS_INDENT = '  ';
/** Between two looks of `--watch`. */
const WATCH_MS = 2_000;

const ago = (iso: string | null, nowMs: number) => (iso === null ? 'never' : duration((nowMs - Date.parse(iso)) / 1000));

const stateColumn = <Row>(title: string, of: (node: Row) => NodeState, paint: Paint): Column<Row> => ({
  title,
  text: (node) => of(node).text,
  optional: 0,
  paint: (node, text) => paint(of(node).colour, text),
});

/** What the disk knows as well as the agent. */
function factColumns(nowMs: number, paint: Paint): Column<Node>[] {
  return [
    {
      title: 'SECURITY',
      text: ({ security }) => security ?? '?',
      optional: 1,
      paint: ({ security }, text) => (security === 'required' || security === 'default_key' ? paint('warn', text) : text),
    },
    { title: 'SEEN', text: ({ lastSeen }) => ago(lastSeen, nowMs), optional: 2 },
    {
      title: 'MODEL',
      text: ({ vendor, model }) => [vendor, model].filter((part) => part !== null).join(' ') || '?',
      optional: 3,
      flexible: true,
    },
    { title: 'FIRMWARE', text: ({ firmwareVersion }) => firmwareVersion ?? '?', optional: 4 },
    { title: 'SERIAL', text: ({ serialNumber }) => serialNumber ?? '?', optional: 5 },
  ];
}

/** The longest id: that of a Zigbee device on a bus with a name of 32 characters. */
const MAX_ID = 51;
const NODE: Column<Node> = { title: 'NODE', text: ({ nodeId }) => nodeId, optional: 0, flexible: MAX_ID };

/** The table with its head dim. */
function tableOf<Row>(columnsOf: readonly Column<Row>[], rows: readonly Row[], columns: number, paint: Paint): string[] {
  if (rows.length === 0) return ['No nodes are known.'];
  const [head = '', ...body] = table(columnsOf, rows, columns);
  return [paint('dim', head), ...body];
}

/** The nodes on the disk: how they are now is not known, how they were when they were written is. */
export function storedNodesScreen({ nodes, total }: StoredNodes, nowMs: number, columns: number, paint: Paint): string[] {
  const unknown = { text: () => '?' };
  const layout: Column<StoredNode>[] = [
    NODE,
    { title: 'STATE', ...unknown, optional: 0 },
    stateColumn('WAS', (node) => lastStateOf(node, nowMs), paint),
    ...factColumns(nowMs, paint),
    { title: 'LINK', ...unknown, optional: 6 },
  ];
  return [...tableOf(layout, nodes, columns, paint), '', `${total} known`];
}

/** The node table, its buses and its sum. */
export function nodesScreen(result: NodesResult, nowMs: number, columns: number, paint: Paint): string[] {
  const layout: Column<Node>[] = [
    NODE,
    stateColumn('STATE', (node) => stateOf(node, nowMs), paint),
    ...factColumns(nowMs, paint),
    { title: 'LINK', text: ({ linkQuality }) => (linkQuality === null ? '-' : String(linkQuality)), optional: 6 },
  ];
  const sum = `${result.available} of ${result.total} available${scanWords(result)}`;
  const buses = result.buses.flatMap(({ id, state, error }) => {
    const [first = '', ...rest] = wrap(printable(`${id} ${state}${error ? `: ${error.message}` : ''}`), columns - BUS_INDENT.length);
    return [first, ...rest.map((line) => BUS_INDENT + line)];
  });
  return [...tableOf(layout, result.nodes, columns, paint), '', sum, ...buses];
}

async function watch(context: CommandContext, path: string): Promise<number> {
  const { client, terminal, ports } = context;
  while (!terminal.interrupted.aborted) {
    const { value: result, problem } = await attempt(client.get(path, nodesAnswer));
    if (problem) throw wrongBus(problem);
    const nowMs = ports.wallClock.nowMs();
    const lines = [
      terminal.paint('dim', `${utc(nowMs)}, every ${WATCH_MS / 1000} s, end with Ctrl-C`),
      ...nodesScreen(result, nowMs, terminal.columns, terminal.paint),
    ];
    terminal.out(context.json ? JSON.stringify(result) : terminal.clear + lines.join('\n'));
    await sleep(ports.clock, WATCH_MS, terminal.interrupted);
  }
  return EXIT.interrupted;
}

/** A bus that the agent does not have is a wrong argument. */
const wrongBus = (problem: AgentError) => (problem.code === 'invalid_args' ? new UsageError(problem.message) : problem);

export const nodesCommand: Command = {
  name: 'nodes',
  summary: 'The nodes on the buses, as known now',
  usage: '[--bus ID] [--watch]',
  details: [
    '--bus ID   only this bus',
    '--watch    repeats every 2 s',
    'A node is "ok" where hubctl doctor finds nothing wrong with it. Without the agent STATE is not known, and WAS is how the node was when the agent wrote it.',
  ],
  example: 'hubctl nodes --watch',
  options: { bus: { type: 'string' }, watch: { type: 'boolean' } },
  async run(context) {
    const { client, terminal, json, ports, places, options } = context;
    const path = `/v1/nodes${typeof options.bus === 'string' ? `?bus=${encodeURIComponent(options.bus)}` : ''}`;
    if (options.watch) return watch(context, path);
    const { value, problem } = await attempt(client.get(path, nodesAnswer));
    if (problem?.problem === 'refused') throw wrongBus(problem);
    const { columns, paint } = terminal;
    const nowMs = ports.wallClock.nowMs();
    if (value) {
      if (json) terminal.out(JSON.stringify(value));
      else for (const line of nodesScreen(value, nowMs, columns, paint)) terminal.out(line);
      return EXIT.ok;
    }
    const { nodes, at, denied } = await readNodes(places.stateDirectory, typeof options.bus === 'string' ? options.bus : undefined);
    if (json) {
      terminal.out(JSON.stringify({ ...nodes, writtenAt: at, problem: problem.message, ...(denied && { unreadable: true }) }));
    } else {
      for (const line of denied ? [] : storedNodesScreen(nodes, nowMs, columns, paint)) terminal.out(line);
      const known =
        at === null ? '' : ` How the nodes are now is not known; WAS and the rest are of ${utc(at)}, when the agent wrote them.`;
      say(terminal, `hubctl: ${problem.message}${denied ? ` The nodes on the disk are ${NOT_READABLE}` : known}`);
    }
    return codeOf(problem);
  },
};

export const nodesScanCommand: Command = {
  name: 'nodes scan',
  summary: 'Asks every address now, and shows which answer',
  usage: '[--bus ID]',
  example: 'sudo hubctl nodes scan --bus rs485',
  options: { bus: { type: 'string' } },
  async run(context) {
    const { terminal, json, ports, options } = context;
    const args = { refresh: true, ...(typeof options.bus === 'string' && { bus: options.bus }) };
    return runCommand(context, 'get_nodes', args, nodesAnswer, (nodes) => {
      if (json) terminal.out(JSON.stringify(nodes));
      else {
        for (const line of nodesScreen(nodes, ports.wallClock.nowMs(), terminal.columns, terminal.paint)) terminal.out(line);
      }
    });
  },
};
