import { styleText } from 'node:util';
import type { Node } from '../../agent/contract/node.ts';
import { wrap } from '../../agent/hubctl/terminal/text.ts';
import { printable } from '../../agent/system/printable.ts';

/** Where the demo prints: laid out for a person, colours only on a terminal. */
export interface Screen {
  /** As it is: what is to be pasted is never broken. */
  line(text?: string): void;
  title(text: string): void;
  /** Words for a person, broken between words to fit. */
  text(text: string): void;
  /** One fact: a name, and what it is. */
  fact(name: string, text: string): void;
  /** The outcome of one step. */
  step(ok: boolean, name: string, detail: string): void;
  /** An event while the demo follows the hub. */
  event(kind: EventKind, text: string): void;
  nodes(nodes: readonly Node[]): void;
}

export type EventKind = 'cloud' | 'api' | 'hub' | 'wifi' | 'problem';

type Style = Parameters<typeof styleText>[0];

const USUAL_COLUMNS = 80;
const MIN_COLUMNS = 40;
const INDENT = '      ';
const NAME_WIDTH = 22;

export function createScreen(out: NodeJS.WriteStream): Screen {
  const paint = (style: Style, text: string) => (out.isTTY ? styleText(style, text) : text);
  const line = (text = '') => void out.write(`${text}\n`);
  const columns = () => Math.max(MIN_COLUMNS, out.columns || USUAL_COLUMNS);
  /** A text behind a head that is `width` columns wide; what does not fit goes below the text. */
  const beside = (head: string, width: number, text: string) => {
    const rows = wrap(printable(text), columns() - width);
    for (const [index, row] of rows.entries()) line((index === 0 ? head : ' '.repeat(width)) + row);
  };
  const clock = () => paint('dim', new Date().toISOString().slice(11, 19));
  const kinds: Record<EventKind, string> = {
    cloud: paint('cyan', 'cloud  '),
    api: paint('magenta', 'api    '),
    hub: paint('green', 'hub    '),
    wifi: paint('blue', 'wifi   '),
    problem: paint('yellow', 'notice '),
  };
  return {
    line,
    title: (text) => line(`\n${paint('bold', text)}`),
    text: (text) => beside('', 0, text),
    fact: (name, text) => beside(`${INDENT}${name.padEnd(18)}`, INDENT.length + 18, text),
    step: (ok, name, detail) =>
      beside(`${ok ? paint('green', ' ok ') : paint('red', 'FAIL')}  ${name.padEnd(NAME_WIDTH)} `, INDENT.length + NAME_WIDTH + 1, detail),
    event: (kind, text) => beside(`${clock()}  ${kinds[kind]}`, 17, text),
    nodes(nodes) {
      const wide = (least: number, of: (node: Node) => string | null) =>
        Math.max(least, ...nodes.map((node) => printable(of(node) ?? '?').length + 2));
      const [nodeWidth, vendorWidth] = [wide(11, ({ nodeId }) => nodeId), wide(8, ({ vendor }) => vendor)];
      line(
        `${INDENT}${'node'.padEnd(nodeWidth)}${'vendor'.padEnd(vendorWidth)}${'serial'.padEnd(12)}${'firmware'.padEnd(10)}${'security'.padEnd(10)}state`,
      );
      for (const node of nodes) {
        const state = [
          node.available ? 'available' : 'silent',
          node.tamper ? paint('yellow', 'TAMPERED') : '',
          node.powerFault ? paint('yellow', 'POWER FAULT') : '',
        ];
        const cell = (text: string | null, width: number) => printable(text ?? '?').padEnd(width);
        const columns = [
          cell(node.nodeId, nodeWidth),
          cell(node.vendor, vendorWidth),
          cell(node.serialNumber, 12),
          cell(node.firmwareVersion, 10),
          cell(node.security, 10),
        ];
        line(`${INDENT}${columns.join('')}${state.filter(Boolean).join(' ')}`);
      }
    },
  };
}
