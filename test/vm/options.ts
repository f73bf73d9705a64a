import { parseArgs } from 'node:util';

/** What `npm run test:vm` was asked for. */
export interface Options {
  keep: boolean;
  report: boolean;
  install: boolean;
  cold: boolean;
  list: boolean;
  help: boolean;
  /** Parts of scenario names; empty: all. */
  only: string[];
}

export const USAGE = `Runs the hub agent in a virtual hub: Debian with real systemd, NetworkManager, simulated radios and serial ports.

usage: npm run test:vm -- [--only TEXT]... [--report] [--keep] [--cold] [--install] [--list]

  --only TEXT  only scenarios with TEXT in their name; may be repeated ("machine:" needs no built agent)
  --report     prints the table once more at the end; a missed target of time then fails the run
  --keep       leaves the hub up, with its page and a shell, until Ctrl-C or end of input; runs scenarios only with --only
  --cold       boots instead of waking from the saved state
  --install    installs missing host packages with apt-get (as root)
  --list       prints the names of the scenarios

HUB_VM_CACHE is where images are kept (default: .cache/vm). The last line is JSON; the exit code is 0 when all is well.
`;

/** @throws TypeError for what is not understood. */
export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      keep: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      install: { type: 'boolean', default: false },
      cold: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
    },
  });
  return values;
}
