import type { BusTrace } from '../../contract/trace.ts';
import { lookUp } from '../../health/finding.ts';
import { printable } from '../../system/printable.ts';
import { messages } from '../answers/answer.ts';
import { traceAnswer } from '../answers/trace.ts';
import { AgentError } from '../cli/client.ts';
import { type Command, UsageError } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
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

export const busTraceCommand: Command = {
  name: 'bus trace',
  summary: 'Every frame on a bus, live; secrets are masked',
  usage: '<BUS> [--address N] [--count N]',
  details: ['--address N   only this peripheral', '--count N     ends after N lines'],
  example: 'hubctl bus trace rs485 --address 5',
  options: { address: { type: 'string' }, count: { type: 'string' } },
  words: { min: 1, max: 1 },
  async run({ client, terminal, json, options, words }) {
    const address = options.address === undefined ? null : Number(options.address);
    const count = options.count === undefined ? Number.POSITIVE_INFINITY : Number(options.count);
    if (address !== null && !(Number.isInteger(address) && address >= 0)) throw new UsageError('--address must be a whole number.');
    if (Number.isNaN(count) || count < 1) throw new UsageError('--count must be a whole number from 1 on.');
    const enough = new AbortController();
    const signal = AbortSignal.any([enough.signal, terminal.interrupted]);
    let shown = 0;
    const onLine = messages(traceAnswer, (trace, line) => {
      if (signal.aborted || (address !== null && trace.address !== address)) return;
      terminal.out(json ? line : traceLine(trace, terminal.columns, terminal.paint));
      shown += 1;
      if (shown >= count) enough.abort();
    });
    await client.lines({ path: `/v1/bus/${encodeURIComponent(words[0]!)}/trace`, signal }, onLine);
    if (terminal.interrupted.aborted) return EXIT.interrupted;
    if (enough.signal.aborted) return EXIT.ok;
    throw new AgentError('down', 'The agent ended.');
  },
};
