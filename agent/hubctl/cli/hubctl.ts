import { type ParseArgsConfig, parseArgs } from 'node:util';
import { isHubError, messageOf } from '../../system/errors.ts';
import { guess, guessOption } from '../../system/misspelt.ts';
import { printable } from '../../system/printable.ts';
import { logLevelCommand, resetCommand } from '../commands/admin.ts';
import { bundleCommand } from '../commands/bundle.ts';
import { commandsCommand } from '../commands/commands.ts';
import { configCheckCommand } from '../commands/config-check.ts';
import { doctorCommand } from '../commands/doctor.ts';
import { logsCommand } from '../commands/logs.ts';
import { busSetAddressCommand, nodesForgetCommand, nodesIdentifyCommand } from '../commands/maintenance.ts';
import { nodesShowCommand } from '../commands/node-show.ts';
import { nodesCommand, nodesScanCommand } from '../commands/nodes.ts';
import { permitJoinCommand, removeNodeCommand } from '../commands/pairing.ts';
import { cloudPingCommand } from '../commands/ping.ts';
import { busRekeyCommand } from '../commands/rekey.ts';
import { runCommandCommand } from '../commands/run.ts';
import { statusCommand } from '../commands/status.ts';
import { busTraceCommand } from '../commands/trace.ts';
import { updateApplyCommand, updateHistoryCommand, updateRollbackCommand, updateStatusCommand } from '../commands/update.ts';
import { wifiScanCommand, wifiSetCommand, wifiStatusCommand } from '../commands/wifi.ts';
import { zigbeeBackupCommand, zigbeeFormCommand, zigbeeMapCommand, zigbeeRestoreCommand, zigbeeStatusCommand } from '../commands/zigbee.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { AgentError, createAgentClient } from './client.ts';
import { type Command, type CommandContext, type HubctlPorts, UsageError } from './command.ts';
import { configNotice } from './config-notice.ts';
import { EXIT } from './exit-codes.ts';
import { reportAgentProblem, say } from './failure.ts';
import { commandHelp, generalHelp } from './help.ts';
import { locate } from './locate.ts';

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  statusCommand,
  doctorCommand,
  nodesCommand,
  nodesShowCommand,
  nodesScanCommand,
  nodesIdentifyCommand,
  nodesForgetCommand,
  permitJoinCommand,
  removeNodeCommand,
  zigbeeStatusCommand,
  zigbeeBackupCommand,
  zigbeeRestoreCommand,
  zigbeeFormCommand,
  zigbeeMapCommand,
  commandsCommand,
  runCommandCommand,
  wifiStatusCommand,
  wifiScanCommand,
  wifiSetCommand,
  cloudPingCommand,
  busTraceCommand,
  busSetAddressCommand,
  busRekeyCommand,
  logsCommand,
  logLevelCommand,
  configCheckCommand,
  updateStatusCommand,
  updateApplyCommand,
  updateRollbackCommand,
  updateHistoryCommand,
  bundleCommand,
  resetCommand,
];

const GLOBAL_OPTIONS = {
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', default: false },
  config: { type: 'string', default: '/etc/hub-agent/agent.json' },
  identity: { type: 'string', default: '/etc/hub-agent/identity.json' },
  socket: { type: 'string' },
} as const satisfies ParseArgsConfig['options'];
/** A command may stand behind them. */
const WITH_VALUE = ['--config', '--identity', '--socket'];

/** Where the command begins: the first word that is neither an option nor the value of one. -1: nowhere. */
function beginning(argv: readonly string[]): number {
  return argv.findIndex((word, index) => !word.startsWith('-') && !WITH_VALUE.includes(argv[index - 1] ?? ''));
}

/** `help` in the place of the command: the line without it, and with `--help`. The command that it is about may be one word, as in `help 'wifi set'`. */
function spelledOut(argv: readonly string[]): readonly string[] {
  const at = beginning(argv);
  if (argv[at] !== 'help') return argv;
  const line = argv.toSpliced(at, 1);
  const about = beginning(line);
  return [...(about < 0 ? line : line.toSpliced(about, 1, ...line[about]!.split(' '))), '--help'];
}

/** That no command has this name, with the one that was probably meant. */
function unknownCommand(words: readonly string[]): string {
  const names = COMMANDS.map(({ name }) => name);
  const meant = guess(words.slice(0, 2).join(' '), names) || guess(words[0] ?? '', names);
  return `hubctl: there is no command "${words[0] ?? ''}".${meant} 'hubctl --help' lists the commands.`;
}

/** The command with the most words, which stand together, and the rest of the line. */
function find(argv: readonly string[]): { command: Command; rest: string[] } | null {
  const at = beginning(argv);
  if (at < 0) return null;
  for (const count of [2, 1]) {
    const command = COMMANDS.find(({ name }) => name === argv.slice(at, at + count).join(' '));
    if (command) return { command, rest: argv.toSpliced(at, count) };
  }
  return null;
}

/** hubctl: reads the arguments, runs one command, returns the exit code. Never throws. */
export async function hubctl(argv: readonly string[], terminal: Terminal, ports: HubctlPorts): Promise<number> {
  if (argv.includes('--version')) {
    terminal.out(`hubctl ${ports.version}`);
    return EXIT.ok;
  }
  const line = spelledOut(argv);
  const found = find(line);
  if (!found) {
    const asked = line.includes('--help') || line.includes('-h') || line.length === 0;
    const at = beginning(line);
    const prefix = line[at];
    const near = COMMANDS.filter(({ name }) => prefix !== undefined && name.startsWith(prefix));
    if (asked && prefix === undefined) for (const row of generalHelp(COMMANDS, terminal.columns)) terminal.out(row);
    else if (near.length > 0) for (const row of generalHelp(near, terminal.columns)) (asked ? terminal.out : terminal.error)(row);
    else terminal.error(unknownCommand(at < 0 ? [line.join(' ')] : line.slice(at)));
    return asked && (prefix === undefined || near.length > 0) ? EXIT.ok : EXIT.usage;
  }
  return runFound(found, terminal, ports);
}

async function runFound({ command, rest }: { command: Command; rest: string[] }, terminal: Terminal, ports: HubctlPorts): Promise<number> {
  let json = rest.includes('--json');
  try {
    const { values, positionals } = parse(command, rest);
    json = values.json === true;
    if (values.help) {
      for (const row of commandHelp(command, terminal.columns)) terminal.out(row);
      return EXIT.ok;
    }
    const { min, max } = command.words ?? { min: 0, max: 0 };
    if (positionals.length < min || positionals.length > max) {
      const names = COMMANDS.map(({ name }) => name);
      const meant =
        positionals.length > max
          ? guess(
              `${command.name} ${positionals[0]}`,
              names.filter((name) => name.startsWith(`${command.name} `)),
            )
          : '';
      throw new UsageError(`${command.name} is used as: hubctl ${`${command.name} ${command.usage}`.trimEnd()}.${meant}`);
    }
    const { config, identity, socket } = values as { config: string; identity: string; socket?: string };
    const places = await locate({ config, identity, socket }, ports);
    const client = createAgentClient(places.socketPath);
    const context = { terminal, ports, client, places, json, options: values, words: positionals };
    const code = await orInterrupted(terminal.interrupted, running(context, command));
    // Without the agent, what is shown depends on the configuration: where it is wrong, on defaults.
    const notice = code === EXIT.down && !json ? await configNotice(places, ports.files) : null;
    if (notice !== null) say(terminal, notice);
    return code;
  } catch (error) {
    return failed(error, command, terminal, json);
  }
}

/** Runs the command; an agent that is not there is an exit code. */
async function running(context: CommandContext, command: Command): Promise<number> {
  try {
    return await command.run(context);
  } catch (error) {
    if (error instanceof AgentError) return reportAgentProblem(context.terminal, error, context.json);
    throw error;
  }
}

/** Ctrl-C ends every command, wherever it waits: the process takes the signal from the system. */
function orInterrupted(interrupted: AbortSignal, running: Promise<number>): Promise<number> {
  const ended = new Promise<number>((resolve) => {
    const end = () => resolve(EXIT.interrupted);
    if (interrupted.aborted) end();
    else interrupted.addEventListener('abort', end, { once: true });
  });
  return Promise.race([running, ended]);
}

function parse(command: Command, args: string[]) {
  const options = { ...GLOBAL_OPTIONS, ...command.options };
  try {
    return parseArgs({ args, options, allowPositionals: true }) as {
      values: Record<string, string | boolean | undefined>;
      positionals: string[];
    };
  } catch (error) {
    // The first sentence; what follows is about the parser's own habits.
    throw new UsageError(`${messageOf(error).split('. ')[0]!}.${guessOption(args, options)}`);
  }
}

function failed(error: unknown, command: Command, terminal: Terminal, json: boolean): number {
  if (error instanceof UsageError) {
    terminal.error(`hubctl: ${error.message}\nexample: ${command.example}`);
    return EXIT.usage;
  }
  const { code } = error as NodeJS.ErrnoException;
  if (json) terminal.out(JSON.stringify({ error: { code: code ?? 'internal', message: messageOf(error) } }));
  else terminal.error(`hubctl: ${printable(messageOf(error))}`);
  if (code === 'EACCES' || code === 'EPERM') return EXIT.forbidden;
  // What the system or the Wi-Fi stack refuses is no bug.
  return isHubError(error) || code?.startsWith('E') ? EXIT.bad : EXIT.bug;
}
