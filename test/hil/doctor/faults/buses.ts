import { chmod, realpath, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { holdersOf } from '../../../../agent/hubctl/doctor/holders.ts';
import { createFiles } from '../../../../agent/system/files.ts';
import { createPaths } from '../../../../agent/system/paths.ts';
import { HEALTHY, NODES } from '../../../unit/hubctl/fixtures.ts';
import { agent, SILENT_BUS } from '../agents.ts';
import { BUS, type Fault } from '../examine.ts';

/** Faults of serial ports and buses, and what the doctor must say of each. */
export const BUSES_FAULTS: readonly Fault[] = [
  {
    what: 'a serial port of which only root sees who has it open',
    check: 'serial',
    status: 'skipped',
    config: { buses: [BUS] },
    make: (_rig, etc) => symlink('/dev/full', join(etc, 'tty')),
    ports: (rig) => ({ isRoot: false, processFolder: join(rig.folder, 'no-processes') }),
    finding: /who else has it open cannot be seen: use sudo/,
    remedy: /^$/,
  },
  { what: 'a serial port that is not there', check: 'serial', config: { buses: [BUS] }, finding: /tty is not there/, remedy: /by-id/ },
  {
    what: 'a file in place of a serial port',
    check: 'serial',
    config: { buses: [BUS] },
    make: (_rig, etc) => writeFile(join(etc, 'tty'), ''),
    finding: /no serial port/,
    remedy: /path of the bus/,
  },
  {
    what: 'a serial port that is not ours',
    check: 'serial',
    line: true,
    config: { buses: [BUS] },
    make: async (rig, etc) => {
      await chmod(rig.port!.path, 0o600);
      await symlink(rig.port!.path, join(etc, 'tty'));
      await writeFile(join(rig.folder, 'passwd'), 'root:x:0:0::/:\nhub-agent:x:61234:61234::/:\n');
      await writeFile(join(rig.folder, 'group'), 'dialout:x:20:somebody\n');
    },
    // Who holds the twin's end of the line is no stranger.
    ports: async (rig) => {
      const [holder] = await holdersOf(await realpath(rig.port!.path), {
        processFolder: '/proc',
        paths: createPaths(),
        files: createFiles(),
      });
      return agent({ status: { ...HEALTHY, agent: { ...HEALTHY.agent, pid: holder!.pid } } });
    },
    finding: /may not open \/dev\/pts/,
    remedy: /chgrp dialout/,
  },
  {
    what: 'a bus that is not available',
    check: 'bus',
    config: { buses: [BUS] },
    ports: () => {
      const error = { code: 'bus_unavailable' as const, message: '/dev/ttyUSB0 is in use by another program' };
      return agent({ nodes: { ...SILENT_BUS, buses: [{ id: 'rs485', protocol: 'osdp', state: 'unavailable', error }] } });
    },
    finding: /rs485: .*in use by another program/,
    remedy: /--check serial/,
  },
  {
    what: 'a node with an own key that is not secured',
    check: 'bus',
    config: { buses: [BUS] },
    ports: () => agent({ nodes: NODES }),
    finding: /node rs485\/18 is not secured although its own key is configured: .*no such key/,
    remedy: /right device.*set its own key/,
  },
  {
    what: 'another device at the address of a node',
    check: 'bus',
    config: { buses: [BUS] },
    ports: () => agent({ nodes: NODES }),
    finding: /another device answers as node rs485\/19: .*serial 1048576 instead of .*serial 7/,
    remedy: /Check on site/,
  },
  {
    what: 'a bus that a running agent does not know',
    check: 'bus',
    status: 'warn',
    config: { buses: [{ ...BUS, id: 'new' }] },
    ports: () => agent({ nodes: SILENT_BUS }),
    finding: /new: the agent does not know it/,
    remedy: /restart/,
  },
  {
    what: 'a bus on which nobody answers',
    check: 'bus',
    config: { buses: [BUS] },
    ports: () => agent({ nodes: SILENT_BUS, trace: [{ kind: 'silence', heard: 'nothing', text: 'noise is no word to decide by' }] }),
    finding: /no peripheral answers/,
    remedy: /nodes scan/,
  },
  {
    what: 'a wrong baud rate',
    check: 'bus',
    config: { buses: [BUS] },
    ports: () => agent({ nodes: SILENT_BUS, trace: Array(4).fill({ kind: 'silence', heard: 'noise', text: '' }) }),
    finding: /wrong baud rate \(now 9600\)/,
    remedy: /"auto"/,
  },
  {
    what: 'nodes that went silent',
    check: 'bus',
    status: 'warn',
    config: { buses: [BUS] },
    ports: () => agent({ nodes: NODES }),
    finding: /1 of 7 nodes of rs485 is silent \(17\)/,
    remedy: /power/,
  },
];
