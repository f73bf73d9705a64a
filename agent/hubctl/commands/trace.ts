import type { BusStatus } from '../../contract/node.ts';
import type { BusTrace } from '../../contract/trace.ts';
import { lookUp } from '../../health/finding.ts';
import { printable } from '../../system/printable.ts';
import { messages } from '../answers/answer.ts';
import { nodesAnswer } from '../answers/nodes.ts';
import { traceAnswer } from '../answers/trace.ts';
import { AgentError } from '../cli/client.ts';
import { type Command, UsageError } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { attempt, say } from '../cli/failure.ts';
import type { Places } from '../cli/locate.ts';
import type { Paint } from '../terminal/terminal.ts';
import { padEnd, truncate } from '../terminal/text.ts';

const ARROWS = { sent: '→', received: '←', silence: '·' } as const;

/** `01:48:24.636 →   0 POLL   s2  8 B SCS_17`. */
function traceLine({ at, kind, address, name, sequence, bytes, security, text }: BusTrace, columns: number, paint: Paint): string {
  const time = new Date(at).toISOString().slice(11, 23);
  const what = padEnd(name ?? '', 7);
  const size = bytes === null ? '' : `s${sequence} ${String(bytes).padStart(3)} B `;
  const line = truncate(
    `${time} ${lookUp<BusTrace['kind'], string>(ARROWS, kind, kind)} ${String(address).padStart(3)} ${what}${size}${security ? `${security} ` : ''}${printable(text)}`.trimEnd(),
    columns,
  );
  return kind === 'silence' ? paint('warn', line) : kind === 'sent' ? paint('dim', line) : line;
}

/** Of a short Zigbee address; an OSDP bus has fewer. */
const MAX_ADDRESS = 0xffff;

/** The address that is asked for; null: all. @throws UsageError for one that no bus has */
function addressOf(option: string | boolean | undefined): number | null {
  if (typeof option !== 'string') return null;
  const address = /^\d+$/.test(option) ? Number(option) : Number.NaN;
  if (!(address <= MAX_ADDRESS)) throw new UsageError('--address must be a whole number; OSDP has 0 to 126.');
  return address;
}

/** Why nothing may come of this address: agent.json has others. Null: it has it, or does not tell. */
async function unasked(address: number | null, bus: string, places: Places): Promise<string | null> {
  if (address === null) return null;
  // The schema is loaded only here: hubctl starts without it.
  const { configuredAddresses } = await import('../machine/bus-addresses.ts');
  const configured = configuredAddresses(places, bus);
  if (configured === null || configured.addresses.includes(address)) return null;
  return `Address ${address} is not among the "addresses" of ${bus} in agent.json, which are ${configured.entries}.`;
}

/** What is waited for: on a quiet bus, or one that is not up, nothing else is shown. */
function waitingFor(bus: string, status: BusStatus | undefined, address: number | null): string {
  const what = `frames of ${bus}${address === null ? '' : ` with address ${address}`}`;
  if (status === undefined || status.state === 'up') return `Waiting for ${what}; times are UTC. Ctrl-C ends it.`;
  const why = status.error ? `: ${status.error.message}` : '';
  return `The bus is ${status.state}${why}${/[.?!]$/.test(why) ? '' : '.'} Waiting until it is up, for ${what}. Ctrl-C ends it.`;
}

export const busTraceCommand: Command = {
  name: 'bus trace',
  summary: 'Every frame on a bus, live; secrets are masked',
  usage: '<BUS> [--address N] [--count N]',
  details: ['--address N   only this peripheral', '--count N     ends after N lines'],
  example: 'hubctl bus trace rs485 --address 5',
  options: { address: { type: 'string' }, count: { type: 'string' } },
  words: { min: 1, max: 1 },
  async run({ client, terminal, json, options, words, places }) {
    const bus = words[0]!;
    const address = addressOf(options.address);
    const count = options.count === undefined ? Number.POSITIVE_INFINITY : Number(options.count);
    if (Number.isNaN(count) || count < 1) throw new UsageError('--count must be a whole number from 1 on.');
    const path = encodeURIComponent(bus);
    const { value, problem } = await attempt(client.get(`/v1/nodes?bus=${path}`, nodesAnswer));
    // A bus that the agent refuses has no trace either, and that answer says it.
    if (problem && problem.problem !== 'refused') throw problem;
    const notice = value && (await unasked(address, bus, places));
    if (notice) say(terminal, `hubctl: ${notice}`);
    if (value) say(terminal, `hubctl: ${waitingFor(bus, value.buses[0], address)}`);
    const enough = new AbortController();
    const signal = AbortSignal.any([enough.signal, terminal.interrupted]);
    let shown = 0;
    const onLine = messages(traceAnswer, (trace, line) => {
      if (signal.aborted || (address !== null && trace.address !== address)) return;
      terminal.out(json ? line : traceLine(trace, terminal.columns, terminal.paint));
      shown += 1;
      if (shown >= count) enough.abort();
    });
    await client.lines({ path: `/v1/bus/${path}/trace`, signal }, onLine);
    if (terminal.interrupted.aborted) return EXIT.interrupted;
    if (enough.signal.aborted) return EXIT.ok;
    throw new AgentError('down', 'The agent ended.');
  },
};
