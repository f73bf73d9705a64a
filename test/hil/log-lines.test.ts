import { spawn as spawnPty } from '@lydell/node-pty';
import { expect, test } from 'vitest';
import { repeatedKeys } from '../support/repeated-keys.ts';
import { runHubctl } from './rig/hubctl.ts';
import { ONE_PERIPHERAL, startOnline, untilScanned } from './rig/start.ts';

test('each key of a log line stands there once', async () => {
  await using world = await startOnline(ONE_PERIPHERAL);
  const { rig, agent } = world;
  await untilScanned(rig);
  await runHubctl(rig, 'loglevel debug --minutes 5');
  await agent.waitFor('control_log_level');
  await agent.stop();
  const lines = agent.output().split('\n');
  expect(agent.lines.map(({ event }) => event)).toEqual(expect.arrayContaining(['bus_up', 'scan_complete', 'control_log_level']));
  expect(lines.flatMap(repeatedKeys)).toEqual([]);
});

test('on a terminal a line has its date, its time and its zone', async () => {
  const destination = JSON.stringify(new URL('../../agent/control/log-destination.ts', import.meta.url).href);
  const program = `
    const { createLogDestination } = await import(${destination});
    const out = await createLogDestination({ ring: { write() {} }, clock: { schedule: () => () => {} }, onRecovered() {} });
    out.write('{"level":"info","time":"2026-11-22T23:30:00.500Z","event":"x","msg":"hello"}\\n');`;
  const pty = spawnPty(process.execPath, ['--input-type=module', '--eval', program], { env: { ...process.env, TZ: 'Europe/Berlin' } });
  let shown = '';
  pty.onData((data) => (shown += data));
  await new Promise((resolve) => pty.onExit(resolve));
  expect(shown).toMatch(/2026-11-23 00:30:00\.500 \+0100.*hello/);
});
