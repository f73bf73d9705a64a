import { spawn } from 'node:child_process';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createVirtualPort } from '../../twins/virtual-port/index.ts';
import { createRig } from '../rig/rig.ts';
import { silentAgent } from './agents.ts';
import { BUS, examine } from './examine.ts';

describe.concurrent('the doctor finds', () => {
  test('a real line at another baud rate, which is silent', async () => {
    await using rig = await createRig({ peripherals: [{ address: 0 }], baudRate: 115200 });
    const bus = { ...BUS, path: '../rs485', baudRate: 9600, addresses: [0] };
    const etc = join(rig.folder, 'etc');
    const config = JSON.parse(await readFile(join(etc, 'agent.json'), 'utf8'));
    await writeFile(join(etc, 'agent.json'), JSON.stringify({ ...config, buses: [bus] }));
    await rig.startAgent().waitFor('scan_complete');
    const [result] = await examine(rig, 'bus');
    expect(result).toMatchObject({ status: 'fail', finding: expect.stringMatching(/another baud rate \(now 9600\)/) });
    expect(result!.remedy).toContain('"auto"');
  });

  test('a serial port that another program holds, and who it is', async () => {
    const rig = await createRig({ config: { buses: [BUS] } });
    const port = await createVirtualPort({ link: join(rig.folder, 'etc', 'tty') });
    const handle = await open(port.path, 'r+');
    const thief = spawn('sleep', ['60'], { stdio: [handle.fd, 'ignore', 'ignore'] });
    try {
      await handle.close();
      const [result] = await examine(rig, 'serial');
      expect(result).toMatchObject({ status: 'fail', finding: expect.stringContaining(`sleep (pid ${thief.pid})`) });
      // The twin's own holder of the port is found too.
      expect(result!.remedy).toMatch(new RegExp(`ps -p [\\d,]*\\b${thief.pid}\\b[\\d,]* -o args=; systemctl status .*stop its service`));
      expect(result!.remedy).not.toContain('kill');
    } finally {
      thief.kill();
      await port.close();
      await rig.dispose();
    }
  });

  test.each([
    ['while the agent is down', undefined, 'fail'],
    ['while the agent hangs, as the agent itself', silentAgent('hung'), 'ok'],
  ])('a serial port that a Node program holds, %s', async (_what, ports, status) => {
    await using rig = await createRig({ config: { buses: [BUS] } });
    const port = await createVirtualPort({ link: join(rig.folder, 'etc', 'tty') });
    const handle = await open(port.path, 'r+');
    const code = '/*\n\u001b*/ setTimeout(() => {}, 60_000); process.send("up")';
    const thief = spawn(process.execPath, ['-e', code, '--', '--password=secret'], { stdio: [handle.fd, 'ignore', 'inherit', 'ipc'] });
    try {
      await new Promise((resolve) => thief.once('message', resolve));
      await handle.close();
      const [result] = await examine(rig, 'serial', { ...ports, isRoot: true });
      expect(result).toMatchObject({ status });
      // By its program: its threads are all called after Node, and its other words may be secrets.
      expect(result!.finding.includes(`${process.execPath} (pid ${thief.pid})`)).toBe(status === 'fail');
      expect(result!.finding).not.toMatch(/password|setTimeout/);
    } finally {
      thief.kill();
      await port.close();
    }
  });
});
