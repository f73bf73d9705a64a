import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface FakeNmcli extends AsyncDisposable {
  folder: string;
  /** PATH with the program in front. */
  path: string;
  /** Each call's arguments, a line each. */
  calls: string;
}

/** One access point's line of `nmcli -t`, as version 1.42 prints it: colons of the name escaped, backslashes doubled, a line feed raw. */
export function nmcliLine(
  name: Buffer,
  { active = false, security = 'WPA2', rsn = 'pair_ccmp group_ccmp psk', index = 1, signal = 60 } = {},
): Buffer {
  const escaped = Buffer.from(name.toString('latin1').replace(/[\\:]/g, '\\$&'), 'latin1');
  const bssid = `AA\\:BB\\:CC\\:DD\\:EE\\:${index.toString(16).padStart(2, '0').toUpperCase()}`;
  const rest = `:${bssid}:Infra:6:2437 MHz:${signal}:${security}:(none):${rsn}:wlan1\n`;
  return Buffer.concat([Buffer.from(active ? 'yes:' : 'no:'), escaped, Buffer.from(rest)]);
}

/** A program `nmcli` that prints `output`, whatever it is asked. */
export async function installNmcli(output: Buffer | string, exitCode = 0): Promise<FakeNmcli> {
  const folder = await mkdtemp(join(tmpdir(), 'hub-nmcli-'));
  await writeFile(join(folder, 'list'), output);
  await writeFile(join(folder, 'nmcli'), `#!/bin/sh\necho "$@" >> '${folder}/calls'\ncat '${folder}/list'\nexit ${exitCode}\n`);
  await chmod(join(folder, 'nmcli'), 0o755);
  return {
    folder,
    path: folder + delimiter + process.env.PATH,
    calls: join(folder, 'calls'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
