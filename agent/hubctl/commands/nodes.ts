import type { Node, NodesResult } from '../../contract/node.ts';
import { sleep } from '../../system/clock.ts';
import { printable } from '../../system/printable.ts';
import { duration, utc } from '../../system/units.ts';
import type { AgentError } from '../cli/client.ts';
import { type Command, type CommandContext, UsageError } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { attempt, codeOf, say } from '../cli/failure.ts';
import { NOT_READABLE, readNodes } from '../cli/offline.ts';
import { type Column, table } from '../terminal/table.ts';
import type { Paint } from '../terminal/terminal.ts';
import { wrap } from '../terminal/text.ts';
import { stateOf } from './node-screen.ts';
import { runCommand } from './run.ts';

const BUS_INDENT = '  ';
/** Between two looks of `--watch`. */
const WATCH_MS = 2_000;

const ago = (iso: string | null, nowMs: number) => (iso === null ? 'never' : duration((nowMs - Date.parse(iso)) / 1000));

function columnsOf(nowMs: number, paint: Paint): Column<Node>[] {
  return [
    { title: 'NODE', text: ({ nodeId }) => nodeId, optional: 0 },
    {
      title: 'STATE',
      text: (node) => stateOf(node, nowMs).text,
      optional: 0,
      paint: (node, text) => paint(stateOf(node, nowMs).colour, text),
    },
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
    { title: 'LINK', text: ({ linkQuality }) => (linkQuality === null ? '-' : String(linkQuality)), optional: 6 },
  ];
}

/** The node table, its buses and its sum. */
export function nodesScreen(result: NodesResult, nowMs: number, columns: number, paint: Paint, live = true): string[] {
  const lines = result.nodes.length === 0 ? ['No nodes are known.'] : table(columnsOf(nowMs, paint), result.nodes, columns);
  const [head = '', ...body] = lines;
  const scanning = result.scanComplete ? '' : ', still scanning';
  const sum = live ? `${result.available} of ${result.total} available${scanning}` : `${result.total} known`;
  const buses = result.buses.flatMap(({ id, state, error }) => {
    const [first = '', ...rest] = wrap(printable(`${id} ${state}${error ? `: ${error.message}` : ''}`), columns - BUS_INDENT.length);
    return [first, ...rest.map((line) => BUS_INDENT + line)];
  });
  return [result.nodes.length === 0 ? head : paint('dim', head), ...body, '', sum, ...buses];
}

async function watch(context: CommandContext, path: string): Promise<number> {
  const { client, terminal, ports } = context;
  while (!terminal.interrupted.aborted) {
    const { value: result, problem } = await attempt(client.get<NodesResult>(path));
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
  details: ['--bus ID   only this bus', '--watch    repeats every 2 s'],
  example: 'hubctl nodes --watch',
  options: { bus: { type: 'string' }, watch: { type: 'boolean' } },
  async run(context) {
    const { client, terminal, json, ports, places, options } = context;
    const path = `/v1/nodes${typeof options.bus === 'string' ? `?bus=${encodeURIComponent(options.bus)}` : ''}`;
    if (options.watch) return watch(context, path);
    const { value, problem } = await attempt(client.get<NodesResult>(path));
    if (problem?.problem === 'refused') throw wrongBus(problem);
    const offline = value ? null : await readNodes(places.stateDirectory);
    const result = value ?? offline!.nodes;
    const closed = offline?.denied === true;
    if (json) {
      terminal.out(JSON.stringify({ ...result, ...(problem && { problem: problem.message }), ...(closed && { unreadable: true }) }));
    } else {
      const lines = closed ? [] : nodesScreen(result, ports.wallClock.nowMs(), terminal.columns, terminal.paint, value !== null);
      for (const line of lines) terminal.out(line);
      const at = offline?.at == null ? '' : ` These are the nodes it knew at ${utc(offline.at)}.`;
      if (problem) say(terminal, `hubctl: ${problem.message}${closed ? ` The nodes on the disk are ${NOT_READABLE}` : at}`);
    }
    return problem ? codeOf(problem) : EXIT.ok;
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
    return runCommand(context, 'get_nodes', args, (result) => {
      if (json) terminal.out(JSON.stringify(result));
      else {
        const nodes = result as unknown as NodesResult;
        for (const line of nodesScreen(nodes, ports.wallClock.nowMs(), terminal.columns, terminal.paint)) terminal.out(line);
      }
    });
  },
};
