import { execFile, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { hasDbusDaemon } from '../twins/network-manager/index.ts';
import { startDemo } from './rig/demo-process.ts';

const TIMEOUT_MS = 200_000;
const ROOT = new URL('../..', import.meta.url);
const isThere = (program: string, ...args: string[]) => spawnSync(program, args, { stdio: 'ignore' }).error === undefined;

/** Runs a line as it was printed. */
async function paste(line: string): Promise<string> {
  return (await promisify(execFile)('sh', ['-c', line], { cwd: ROOT })).stdout;
}

/** The commands that the demo prints: each stands below its title, up to the next empty line. */
function commandsOf(output: string): string[] {
  const blocks = output.slice(0, output.indexOf('Paste each')).split('\n\n');
  return blocks.map((block) => block.slice(block.indexOf('\n') + 1)).filter((text) => /^(curl|npm|mosquitto_sub) /.test(text));
}

describe('the first five minutes', { timeout: TIMEOUT_MS }, () => {
  test.each(['refuse', 'store'])('the tour happens, and its last line says so: --send-while-offline %s', async (mode) => {
    await using demo = await startDemo('--once', '--send-while-offline', mode);
    const code = await demo.exited;
    const { ok, steps } = JSON.parse(demo.out().trimEnd().split('\n').at(-1)!) as {
      ok: boolean;
      steps: { name: string; detail: string }[];
    };
    expect({ code, ok, errors: demo.errors() }, demo.out()).toEqual({ code: 0, ok: true, errors: '' });
    const detailOf = (name: string) => steps.find((step) => step.name === name)?.detail;
    expect(detailOf('agent killed (-9)')).toContain(mode === 'store' ? 'stores' : '502');
    if (hasDbusDaemon()) {
      expect(detailOf('Wi-Fi, wrong password')).toContain('back on "home"');
      expect(detailOf('Wi-Fi, right password')).toContain('on "Back Office"');
    } else expect(detailOf('set_wifi_credentials')).toContain('wifi_unavailable');
    expect(await demo.leftovers()).toEqual([]);
  });

  test('with a Zigbee stick: the tour pairs a lock, and nothing is left', async () => {
    await using demo = await startDemo('--once', '--zigbee');
    await demo.untilPrinted('a lock is paired');
    demo.look();
    const code = await demo.exited;
    const { ok, steps } = JSON.parse(demo.out().trimEnd().split('\n').at(-1)!) as {
      ok: boolean;
      steps: { name: string; detail: string }[];
    };
    expect({ code, ok, errors: demo.errors() }, demo.out()).toEqual({ code: 0, ok: true, errors: '' });
    expect(steps.find(({ name }) => name === 'the lock is turned')?.detail).toContain('unlocked');
    expect(demo.out()).toMatch(/zb\/0x00158d00aa000001 +Example Locks/);
    expect(await demo.leftovers()).toEqual([]);
  });

  test.skipIf(!isThere('curl', '--version'))('every line works as pasted, and the live view shows what it did', async () => {
    await using demo = await startDemo('--port', '0');
    await demo.untilPrinted('The hub, live');
    const lines = commandsOf(demo.out());
    const curls = lines.filter((line) => line.startsWith('curl'));
    const [nodes, info, wifi] = curls;
    expect(JSON.parse(await paste(nodes!))).toMatchObject({ success: true });
    // How many answer in time is the machine's affair; that they are shown as a table is the demo's.
    await demo.untilPrinted(/get_nodes SUCCEEDED \d nodes, \d available\n +node +vendor/);
    await paste(info!);
    await demo.untilPrinted(/server_info SUCCEEDED agent \d/);
    await paste(wifi!);
    if (hasDbusDaemon()) {
      await demo.untilPrinted(/set_wifi_credentials SUCCEEDED on "Back Office"/);
      await paste(curls[3]!);
      await demo.untilPrinted(/set_wifi_credentials FAILED\s+wifi_authentication_failed/);
      const since = demo.out().lastIndexOf('the hub left "Back Office"');
      expect(since).toBeGreaterThan(0);
      await demo.untilPrinted('the hub is on "Back Office"', since);
    } else await demo.untilPrinted(/set_wifi_credentials FAILED\s+wifi_unavailable/);
    expect(JSON.parse(await paste(curls.at(-1)!))).toMatchObject({ online: true, status: 'Claimed' });

    const hubctl = lines.find((line) => line.startsWith('npm'))!;
    // It exits 1 for what it finds wrong, here a command that failed on purpose.
    expect(await paste(`${hubctl} || [ $? = 1 ]`)).toContain('ONLINE');
    expect(await paste(hubctl.replace(/status$/, 'help'))).toContain('usage: hubctl <command>');
    const mqtt = lines.find((line) => line.startsWith('mosquitto_sub'))!;
    if (isThere('mosquitto_sub', '--help')) expect(await paste(`${mqtt} -C 1 -W 20`)).toMatch(/^hubs\/[^/]+\/presence \{"state":"online"/);
    expect(demo.out()).not.toMatch(/\{"nodes"/);
  });

  test('an agent whose configuration is wrong is told once, in its own words, and comes back when that is mended', async () => {
    await using demo = await startDemo('--port', '0');
    await demo.untilPrinted('The hub, live');
    const agentPid = Number(/agent connects +process (\d+)/.exec(demo.out())![1]);
    const path = join(/hub's files +(\S+)/.exec(demo.out())![1]!, 'etc', 'agent.json');
    const right = await readFile(path, 'utf8');
    await writeFile(path, JSON.stringify({ ...(JSON.parse(right) as object), busses: [] }));
    process.kill(agentPid, 'SIGKILL');
    await demo.untilPrinted(/busses: this key is not\s+known/);
    await demo.untilPrinted('config check');
    const hubctl = /^npm run -s hubctl -- .*\\\n.* config check$/m.exec(demo.out())![0];
    expect(await paste(`${hubctl} || [ $? = 78 ]`)).toContain('busses');

    const since = demo.out().length;
    await writeFile(path, right);
    await demo.untilPrinted(/connected|online/, since);
    expect(demo.out().match(/does not start/g)).toHaveLength(1);
    expect(demo.out().match(/the agent process ended/g)).toHaveLength(1);
  });
});
