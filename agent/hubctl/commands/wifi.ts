import { told, type WifiReport } from '../../control/api.ts';
import { printable } from '../../system/printable.ts';
import { wifiChangeAnswer } from '../answers/commands.ts';
import { wifiAnswer } from '../answers/status.ts';
import { type AirNetwork, type Command, UsageError } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { attempt, codeOf, say } from '../cli/failure.ts';
import type { Places } from '../cli/locate.ts';
import { type Column, table } from '../terminal/table.ts';
import type { Paint } from '../terminal/terminal.ts';
import { field } from '../terminal/text.ts';
import { runCommand } from './run.ts';

const dbm = (value: number | null) => (value === null ? '?' : `${value} dBm`);

/** Why there is none, where that is known. */
const noNetwork = ({ notJoined }: WifiReport) =>
  notJoined ? `none, although ${notJoined.ssid} is known and in reach: see hubctl doctor --check wifi` : 'none';

/** The configured interface. The schema is loaded only here: hubctl starts without it. */
async function interfaceOf(places: Places): Promise<string | null> {
  const { settingsOf } = await import('../machine/settings.ts');
  return settingsOf(places).wifi.interface;
}

export const wifiStatusCommand: Command = {
  name: 'wifi status',
  summary: 'The network the hub is on, and whether it can be moved to another',
  usage: '',
  example: 'hubctl wifi status',
  async run({ client, terminal, json, ports, places }) {
    const { value, problem } = await attempt(client.get('/v1/wifi', wifiAnswer));
    const report: WifiReport = value ?? {
      connection: null,
      credentialsSet: null,
      ...told(await ports.wifiProblem(await interfaceOf(places))),
    };
    if (json) terminal.out(JSON.stringify(problem ? { ...report, agentProblem: problem.message } : report));
    else {
      const { connection, credentialsSet } = report;
      const rows: [string, string][] = [
        [
          'Network',
          connection ? `${connection.ssid} ${dbm(connection.signalDbm)}` : value ? noNetwork(value) : 'unknown without the agent',
        ],
        ['Password', credentialsSet === null ? 'unknown' : credentialsSet ? 'stored' : 'none stored'],
        ['Changes', report.problem ?? 'possible'],
      ];
      for (const [label, text] of rows) for (const line of field(label, printable(text), 10, terminal.columns)) terminal.out(line);
      if (problem) say(terminal, `hubctl: ${problem.message}`);
    }
    if (problem) return codeOf(problem);
    return report.problem === null ? EXIT.ok : EXIT.bad;
  },
};

function columnsOf(paint: Paint): Column<AirNetwork>[] {
  return [
    {
      title: 'NETWORK',
      text: ({ ssid }) => ssid,
      optional: 0,
      flexible: true,
      paint: ({ active }, text) => (active ? paint('good', text) : text),
    },
    { title: 'SIGNAL', text: ({ signalDbm }) => dbm(signalDbm), optional: 0 },
    { title: 'SECURITY', text: ({ security }) => security.join(' '), optional: 1 },
    { title: 'STATE', text: ({ active }) => (active ? 'connected' : ''), optional: 2 },
  ];
}

export const wifiScanCommand: Command = {
  name: 'wifi scan',
  summary: 'The networks in reach, the strongest first',
  usage: '',
  details: ['Asks NetworkManager, with or without the agent.'],
  example: 'sudo hubctl wifi scan',
  async run({ terminal, json, ports, places }) {
    const networks = await ports.wifiNetworks(await interfaceOf(places));
    if (json) terminal.out(JSON.stringify({ networks }));
    else if (networks.length === 0) terminal.out('No network is in reach.');
    else for (const line of table(columnsOf(terminal.paint), networks, terminal.columns)) terminal.out(line);
    return EXIT.ok;
  },
};

export const wifiSetCommand: Command = {
  name: 'wifi set',
  summary: 'Moves the hub to another network; on failure it returns to the old one',
  usage: '<SSID> [--hidden] [--open] [--security wpa-psk|sae|open]',
  details: [
    'Asks for the password without showing it; from a pipe it reads one line.',
    'There is no option for the password: others could read it in the process list.',
    'When the new network does not reach the cloud, the hub returns to the old one.',
  ],
  example: 'sudo hubctl wifi set "Site 7"',
  options: { hidden: { type: 'boolean' }, open: { type: 'boolean' }, security: { type: 'string' } },
  words: { min: 1, max: 1 },
  async run(context) {
    const { terminal, json, options, words } = context;
    const ssid = words[0]!;
    const open = options.open === true || options.security === 'open';
    const password = open ? '' : await terminal.readSecret(`Password of ${printable(ssid)}: `);
    if (password === null) throw new UsageError('No password was given. For an open network use --open.');
    const args = {
      ssid,
      ...(password !== '' && { credentials: password }),
      ...(options.hidden === true && { hidden: true }),
      ...(typeof options.security === 'string' && { security: options.security }),
      ...(open && { security: 'open' }),
    };
    return runCommand(context, 'set_wifi_credentials', args, wifiChangeAnswer, (result) => {
      if (json) return terminal.out(JSON.stringify(result));
      const { previousSsid, ipv4, ipv6, signalDbm, durationMs } = result;
      const addresses = [ipv4, ipv6].filter((address) => address).join(' and ') || 'no address';
      const took = durationMs === null ? '' : `, after ${Math.round(durationMs / 1000)} s`;
      terminal.out(`On ${printable(ssid)} with ${printable(addresses)}, ${dbm(signalDbm)}${took}.`);
      if (previousSsid !== null) terminal.out(`It was on ${printable(previousSsid)} before.`);
    });
  },
};
