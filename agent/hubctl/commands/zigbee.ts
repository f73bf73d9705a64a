import type { ZigbeeMap, ZigbeeStatus } from '../../contract/zigbee.ts';
import { attemptsText } from '../../health/zigbee.ts';
import { printable } from '../../system/printable.ts';
import type { Schema } from '../../system/schema.ts';
import { duration } from '../../system/units.ts';
import { messages } from '../answers/answer.ts';
import { doneAnswer } from '../answers/status.ts';
import { type WorkMessage, workAnswer } from '../answers/work.ts';
import { BACKUP, MAP, networksAnswer } from '../answers/zigbee.ts';
import { AgentError } from '../cli/client.ts';
import { type Command, type CommandContext, UsageError } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { table } from '../terminal/table.ts';
import { field } from '../terminal/text.ts';

const LABEL_WIDTH = 14;
const BUS_OPTION = { bus: { type: 'string' } } as const;
const BUS_DETAIL = '--bus ID   which network, when there are several';

const networksOf = async ({ client }: CommandContext) => (await client.get('/v1/zigbee', networksAnswer)).networks;

/** The network that is meant: the one that there is, or the one that is named. */
export async function chosenNetwork(context: CommandContext): Promise<ZigbeeStatus> {
  const { options } = context;
  const networks = await networksOf(context);
  const wanted = typeof options.bus === 'string' ? networks.filter(({ bus }) => bus === options.bus) : networks;
  if (wanted.length === 1) return wanted[0]!;
  const ids = networks.map(({ bus }) => bus).join(', ');
  if (networks.length === 0) throw new UsageError('The agent has no Zigbee bus: none is under "buses" in its agent.json.');
  throw new UsageError(
    wanted.length === 0
      ? `There is no Zigbee bus "${options.bus}"; there are: ${ids}.`
      : `There are several: ${ids}. Choose one with --bus.`,
  );
}

/** Sends what takes a while; the agent sends a sign of life every second. @throws AgentError with its reason when it failed */
export async function askNetwork<T>(
  { client, terminal }: CommandContext,
  bus: string,
  what: string,
  body: object,
  shape: Schema,
): Promise<T> {
  let last: WorkMessage<T> = {};
  const onLine = messages(workAnswer<T>(shape), (message) => {
    if (!message.waiting) last = message;
  });
  await client.lines({ path: `/v1/zigbee/${encodeURIComponent(bus)}/${what}`, body, signal: terminal.interrupted }, onLine);
  const { result, error } = last;
  if (error) throw new AgentError('refused', error.message, error.code);
  if (result === undefined) throw new AgentError('down', 'The agent ended before it answered.');
  return result;
}

function describe(status: ZigbeeStatus, nowMs: number) {
  const { bus, state, stage, adapter, path, network, firmware, devices, savedAt, permitJoinSeconds, problem } = status;
  const rows: [string, string][] = [
    ['bus', `${bus}, ${state}`],
    ['stick', `${path} (${adapter}${firmware ? `, ${firmware}` : ''})`],
    ['network', network ? `${stage}, PAN id ${network.panId}, extended ${network.extendedPanId}, channel ${network.channel}` : 'none yet'],
    ['coordinator', network?.coordinator ?? '-'],
    ['devices', String(devices)],
    ['last backup', savedAt === null ? 'none' : `${duration(Math.max(0, nowMs - savedAt) / 1000)} ago`],
    ['joining', permitJoinSeconds > 0 ? `open for ${permitJoinSeconds} s` : 'closed'],
  ];
  const attempts = attemptsText(status);
  if (problem) rows.push(['problem', problem.message]);
  if (attempts !== null) rows.push(['attempts', attempts]);
  return rows;
}

export const zigbeeStatusCommand: Command = {
  name: 'zigbee status',
  summary: 'The Zigbee networks, their sticks and backups',
  usage: '',
  example: 'hubctl zigbee status',
  async run(context) {
    const { terminal, json, ports } = context;
    const networks = await networksOf(context);
    if (json) terminal.out(JSON.stringify({ networks }));
    else if (networks.length === 0) terminal.out('No Zigbee bus is configured.');
    else {
      for (const network of networks)
        for (const [label, text] of describe(network, ports.wallClock.nowMs()))
          for (const line of field(label, printable(text), LABEL_WIDTH, terminal.columns)) terminal.out(line);
    }
    return networks.some(({ problem, stage }) => problem !== null || stage === 'lost') ? EXIT.bad : EXIT.ok;
  },
};

export const zigbeeBackupCommand: Command = {
  name: 'zigbee backup',
  summary: 'Saves the network and its devices now, and keeps a copy',
  usage: '[--bus ID]',
  details: [BUS_DETAIL],
  example: 'sudo hubctl zigbee backup',
  options: BUS_OPTION,
  async run(context) {
    const { terminal, json } = context;
    const { bus } = await chosenNetwork(context);
    const saved = await askNetwork<{ savedAt: number | null; devices: number }>(context, bus, 'backup', {}, BACKUP);
    terminal.out(json ? JSON.stringify(saved) : `Saved, with ${saved.devices} devices.`);
    return EXIT.ok;
  },
};

export const zigbeeMapCommand: Command = {
  name: 'zigbee map',
  summary: 'Which device hears which: asks the stick and every router, never a sleeping device',
  usage: '[--bus ID]',
  details: [BUS_DETAIL],
  example: 'sudo hubctl zigbee map',
  options: BUS_OPTION,
  async run(context) {
    const { terminal, json } = context;
    const { bus } = await chosenNetwork(context);
    if (!json) terminal.error('Asking the routers …');
    const map = await askNetwork<ZigbeeMap>(context, bus, 'map', {}, MAP);
    if (json) terminal.out(JSON.stringify(map));
    else if (map.neighbours.length === 0) terminal.out('Nothing is heard.');
    else {
      const columns = [
        { title: 'ROUTER', text: ({ of }: ZigbeeMap['neighbours'][number]) => of, optional: 0 },
        { title: 'HEARS', text: ({ address }: ZigbeeMap['neighbours'][number]) => address, optional: 0 },
        { title: 'AS', text: ({ relation }: ZigbeeMap['neighbours'][number]) => relation, optional: 1 },
        { title: 'LINK', text: ({ quality }: ZigbeeMap['neighbours'][number]) => String(quality), optional: 2 },
      ];
      for (const line of table(columns, map.neighbours, terminal.columns)) terminal.out(line);
      for (const address of map.unasked) terminal.error(`${address} does not answer.`);
    }
    return EXIT.ok;
  },
};

export const zigbeeRestoreCommand: Command = {
  name: 'zigbee restore',
  summary: 'Writes the network of this hub to the stick that is plugged in',
  usage: '[--bus ID] [--yes]',
  details: [BUS_DETAIL, '--yes      does not ask', 'What the stick held before is erased. The devices stay paired.'],
  example: 'sudo hubctl zigbee restore',
  options: { ...BUS_OPTION, yes: { type: 'boolean', short: 'y' } },
  async run(context) {
    const { client, terminal, json, options } = context;
    const { bus, path, devices } = await chosenNetwork(context);
    if (!options.yes) {
      const question = `The network of this hub with its ${devices} devices is written to the stick at ${path}; what it holds is erased. Type "yes" to go on: `;
      const answer = await terminal.ask(question);
      if (answer === null) throw new UsageError('There is no terminal to ask on: use --yes.');
      if (answer.trim() !== 'yes') {
        terminal.error('Nothing was done.');
        return EXIT.bad;
      }
    }
    const begun = await client.change('POST', `/v1/zigbee/${encodeURIComponent(bus)}/restore`, {}, doneAnswer);
    terminal.out(json ? JSON.stringify(begun) : 'It is being written; hubctl zigbee status shows what became of it.');
    return EXIT.ok;
  },
};

export const zigbeeFormCommand: Command = {
  name: 'zigbee form',
  summary: 'Forms another network; every device has to be paired again',
  usage: '--replace [--bus ID] [--devices N]',
  details: [
    BUS_DETAIL,
    '--replace    is required: the network that exists is given up, and put away once',
    '--devices N  how many devices have to be paired again, instead of typing the number',
  ],
  example: 'sudo hubctl zigbee form --replace',
  options: { ...BUS_OPTION, replace: { type: 'boolean' }, devices: { type: 'string' } },
  async run(context) {
    const { client, terminal, json, options } = context;
    if (!options.replace)
      throw new UsageError('A first network is formed by itself. To give up the one that exists: hubctl zigbee form --replace');
    const { bus, devices } = await chosenNetwork(context);
    const question = `${devices} devices will have to be paired again, each where it hangs. Type their number to go on: `;
    const answer = typeof options.devices === 'string' ? options.devices : await terminal.ask(question);
    if (answer === null) throw new UsageError('There is no terminal to ask on: use --devices N.');
    if (!/^\d+$/.test(answer.trim()) || Number(answer) !== devices) {
      terminal.error(`Nothing was done: ${devices} devices would have to be paired again.`);
      return EXIT.bad;
    }
    const begun = await client.change('POST', `/v1/zigbee/${encodeURIComponent(bus)}/form`, { devices }, doneAnswer);
    terminal.out(json ? JSON.stringify(begun) : 'Another network is being formed; hubctl zigbee status shows it.');
    return EXIT.ok;
  },
};
