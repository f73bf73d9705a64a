import { styleText } from 'node:util';
import type { Node } from '../../agent/contract/node.ts';

/** Where the demo prints: laid out for a person, colours only on a terminal. */
export interface Screen {
  line(text?: string): void;
  title(text: string): void;
  /** One line a step. */
  step(ok: boolean, name: string, detail: string): void;
  /** One line an event while the demo follows the hub. */
  event(kind: 'cloud' | 'api' | 'hub' | 'problem', text: string): void;
  nodes(nodes: readonly Node[]): void;
}

type Style = Parameters<typeof styleText>[0];

export function createScreen(out: NodeJS.WriteStream): Screen {
  const paint = (style: Style, text: string) => (out.isTTY ? styleText(style, text) : text);
  const line = (text = '') => void out.write(`${text}\n`);
  const clock = () => paint('dim', new Date().toISOString().slice(11, 23));
  const kinds: Record<Parameters<Screen['event']>[0], string> = {
    cloud: paint('cyan', 'cloud  '),
    api: paint('magenta', 'api    '),
    hub: paint('green', 'hub    '),
    problem: paint('yellow', 'notice '),
  };
  return {
    line,
    title: (text) => line(`\n${paint('bold', text)}`),
    step: (ok, name, detail) => line(`${ok ? paint('green', ' ok ') : paint('red', 'FAIL')}  ${name.padEnd(26)} ${detail}`),
    event: (kind, text) => line(`${clock()}  ${kinds[kind]} ${text}`),
    nodes(nodes) {
      line(`      ${'node'.padEnd(12)}${'vendor'.padEnd(8)}${'serial'.padEnd(12)}${'firmware'.padEnd(10)}${'security'.padEnd(13)}state`);
      for (const node of nodes) {
        const state = [
          node.available ? 'available' : 'silent',
          node.tamper ? paint('yellow', 'TAMPERED') : '',
          node.powerFault ? paint('yellow', 'POWER FAULT') : '',
        ];
        const columns = [
          node.nodeId.padEnd(12),
          (node.vendor ?? '?').padEnd(8),
          (node.serialNumber ?? '?').padEnd(12),
          (node.firmwareVersion ?? '?').padEnd(10),
          (node.security ?? '?').padEnd(13),
        ];
        line(`      ${columns.join('')}${state.filter(Boolean).join(' ')}`);
      }
    },
  };
}
