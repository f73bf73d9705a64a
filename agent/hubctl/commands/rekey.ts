import type { Rekeyed, RekeyResult } from '../../contract/maintenance.ts';
import { lookUp } from '../../health/finding.ts';
import { printable } from '../../system/printable.ts';
import { rekeyAnswer } from '../answers/work.ts';
import type { Command } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { say } from '../cli/failure.ts';
import type { Colour } from '../terminal/terminal.ts';
import { wrap } from '../terminal/text.ts';
import { maintain, whole } from './maintenance.ts';

const WORDS: Readonly<Record<RekeyResult, { text: string; colour: Colour }>> = {
  rekeyed: { text: 'has a new key', colour: 'good' },
  refused: { text: 'takes no keys', colour: 'bad' },
  not_taken: { text: 'still has its old key: run this again', colour: 'warn' },
  unproven: { text: 'opens with neither key yet; both are stored and tried: look at hubctl nodes', colour: 'warn' },
  unsecured: { text: 'opens no secure channel with a key that is known; a new or reset one needs --default-key', colour: 'bad' },
  not_stored: { text: 'the new key could not be stored, and was not sent: look at the disk', colour: 'bad' },
  silent: { text: 'does not answer', colour: 'bad' },
};

export const busRekeyCommand: Command = {
  name: 'bus rekey',
  summary: 'Gives peripherals fresh secure channel keys of their own',
  usage: '<BUS> [ADDRESS] [--default-key]',
  details: [
    '--default-key   they may have the public default key: new ones, and reset ones',
    'Without ADDRESS each that answers. The keys stay on the hub, in its state directory.',
    'A peripheral that is cut off meanwhile opens with its old or its new key.',
  ],
  example: 'sudo hubctl bus rekey rs485 5 --default-key',
  options: { 'default-key': { type: 'boolean' } },
  words: { min: 1, max: 2 },
  async run(context) {
    const { terminal, json, words, options } = context;
    const bus = words[0]!;
    const address = words[1] === undefined ? null : whole(words[1], 'ADDRESS', 0, 126);
    const show = ({ address: at, result }: Rekeyed) => {
      const { text, colour } = lookUp(WORDS, result, { text: result, colour: 'warn' });
      for (const line of wrap(printable(`${bus}/${at} ${text}`), terminal.columns)) terminal.out(terminal.paint(colour, line));
    };
    const path = `/v1/bus/${encodeURIComponent(bus)}/rekey`;
    const body = { address, defaultKey: options['default-key'] === true };
    const answer = await maintain(context, path, body, rekeyAnswer, (one) => json || show(one));
    if (answer === 'interrupted') return EXIT.interrupted;
    if (json) terminal.out(JSON.stringify({ bus, peripherals: answer }));
    else if (answer.length === 0) say(terminal, `hubctl: no peripheral of ${bus} answers.`);
    return answer.length > 0 && answer.every(({ result }) => result === 'rekeyed') ? EXIT.ok : EXIT.bad;
  },
};
