import { expect, test } from 'vitest';
import { holdersOf } from '../../../../agent/hubctl/doctor/holders.ts';
import type { Paths } from '../../../../agent/system/paths.ts';

/** How doctor names the process with this command line, which has the port open. */
async function named(commandLine: string) {
  const texts: Record<string, string> = { '/proc/7/comm': 'MainThread\n', '/proc/7/cmdline': commandLine };
  const paths = {
    names: async (path: string) => (path === '/proc' ? ['7', 'self'] : ['0']),
    target: async () => '/dev/ttyUSB0',
  } as unknown as Paths;
  const files = { read: async (path: string) => Buffer.from(texts[path] ?? '') };
  const [holder] = await holdersOf('/dev/ttyUSB0', { processFolder: '/proc', paths, files });
  return holder;
}

test.each([
  ['sleep\u000060\0', 'sleep'],
  ['/usr/bin/python3\0/opt/reader.py\0--password\0secret\0', '/usr/bin/python3 /opt/reader.py'],
  ['node\0agent.js\0', 'node agent.js'],
  ['picocom\0/dev/ttyUSB0\0', 'picocom /dev/ttyUSB0'],
  ['/usr/bin/ser2mqtt\0-P\0hunter/2secret\0', '/usr/bin/ser2mqtt'],
  ['tool\0--token\0eyJh.eyJz.c2ln\0', 'tool'],
  ['tool\0https://user:pw@host/x\0', 'tool'],
  ['python3 x.py --password=secret', 'python3'],
  ['/bin/sh\u001b[31m\0', '/bin/sh·[31m'],
  ['', 'MainThread'],
])('%j is named %s: no word that may be a secret', async (commandLine, command) => {
  expect(await named(commandLine)).toMatchObject({ pid: 7, name: 'MainThread', command });
});
