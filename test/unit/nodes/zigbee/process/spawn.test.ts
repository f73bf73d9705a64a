import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Told, ZigbeeProcess } from '../../../../../agent/nodes/zigbee/process/process.ts';
import { createZigbeeProcesses } from '../../../../../agent/nodes/zigbee/process/spawn.ts';
import { createMonotonicClock, type MonotonicClock } from '../../../../../agent/system/clock.ts';
import { unguarded as guard } from '../../../../../agent/system/guard.ts';
import { createSteppedClock } from '../../../../support/stepped-clock.ts';
import { LOCK } from '../samples.ts';

const MINUTE_MS = 60_000;

let folder: string;
const running: ZigbeeProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zigbee-process-'));
});
afterEach(async () => {
  for (const { pid } of running.splice(0)) {
    try {
      if (pid !== null) process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
  await rm(folder, { recursive: true, force: true });
});

/** A process in place of the library's: `out(text)` writes to the agent, `answers` are given for commands, by their name. */
async function start(body: string, clock: MonotonicClock = createMonotonicClock()) {
  const path = join(folder, 'program.cjs');
  const prelude = `
    const { writeSync } = require('node:fs');
    const out = (text) => writeSync(3, text);
    const say = (event) => out(JSON.stringify(event) + '\\n');
    const onCommand = (run) => require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => run(JSON.parse(line)));
  `;
  await writeFile(path, prelude + body);
  const events: Told[] = [];
  const ended = Promise.withResolvers<string>();
  const heard = Promise.withResolvers<void>();
  const own = createZigbeeProcesses({ clock, guard, path }).spawn({
    onEvent(event) {
      events.push(event);
      heard.resolve();
    },
    onExit: ended.resolve,
  });
  running.push(own);
  return { process: own, events, ended: ended.promise, heard: heard.promise };
}

const left = { kind: 'left', address: LOCK };

test('a command is answered with what it has to answer, a failure with its code', async () => {
  const { process: own } = await start(`onCommand(({ id, v, do: what }) => {
    if (v !== 1) process.exit(9);
    if (what === 'check') say({ kind: 'answer', id, ok: true, value: { state: 'up' } });
    else if (what === 'save') say({ kind: 'answer', id, ok: true, value: 'whatever' });
    else say({ kind: 'answer', id, ok: false, code: 'unknown_device', message: 'no device' });
  });`);
  expect(await own.request({ do: 'check' }, MINUTE_MS)).toEqual({ state: 'up' });
  expect(await own.request({ do: 'save' }, MINUTE_MS)).toBeNull();
  await expect(own.request({ do: 'remove', address: LOCK }, MINUTE_MS)).rejects.toMatchObject({ code: 'unknown_device' });
});

test.each<[string, string]>([
  ['half lines, pasted together', `out('{"kind":"le'); setTimeout(() => out('ft","address":"${LOCK}"}\\n'), 50);`],
  ['garbage', `out('\\u0000\\u0001 nonsense\\n{}\\n[]\\nnull\\n{"kind":"left","address":"5"}\\n'); say(${JSON.stringify(left)});`],
  ['bytes that are no text', `writeSync(3, Buffer.from([0xff, 0xfe, 0x0a, 0xc3])); out('\\n'); say(${JSON.stringify(left)});`],
  ['a line without end', `for (let mb = 0; mb < 6; mb += 1) out('x'.repeat(1024 * 1024)); out('\\n'); say(${JSON.stringify(left)});`],
  ['answers that nobody asked for', `say({ kind: 'answer', id: 77, ok: true, value: 1 }); say(${JSON.stringify(left)});`],
])('among %s the next event is still heard', async (_, body) => {
  const { events, heard, process: own, ended } = await start(`${body} setInterval(() => {}, 1000);`);
  await heard;
  expect(events).toEqual([left]);
  own.end(0);
  await ended;
});

describe('what waits for an answer is answered', () => {
  test('when the process ends', async () => {
    const { process: own, ended } = await start(`onCommand(() => process.exit(3));`);
    await expect(own.request({ do: 'save' }, MINUTE_MS)).rejects.toMatchObject({ code: 'failed' });
    expect(await ended).toContain('with 3');
    await expect(own.request({ do: 'save' }, MINUTE_MS)).rejects.toMatchObject({ code: 'failed' });
  });

  test('when the process answers something else', async () => {
    const { process: own } = await start(`onCommand(({ id }) => say({ kind: 'answer', id, ok: true, value: { state: 'fine' } }));`);
    await expect(own.request({ do: 'check' }, MINUTE_MS)).rejects.toThrow('something else');
  });

  test('when it does not in time', async () => {
    const { process: own } = await start(`onCommand(() => {});`);
    await expect(own.request({ do: 'check' }, 50)).rejects.toMatchObject({ code: 'late' });
  });
});

test('a process of another version is ended', async () => {
  const { ended } = await start(`say({ kind: 'hello', version: 2 }); setInterval(() => {}, 1000);`);
  expect(await ended).toContain('SIGKILL');
});

test('a process that never stops talking is ended', async () => {
  const { ended, events } = await start(`const line = JSON.stringify(${JSON.stringify(left)}) + '\\n'; for (;;) out(line.repeat(100));`);
  expect(await ended).toContain('SIGKILL');
  expect(events.length).toBeLessThanOrEqual(20_000);
});

test('a process that says nothing for half a minute is ended', async () => {
  const clock = createSteppedClock();
  const { ended, heard } = await start(`say(${JSON.stringify(left)}); setInterval(() => {}, 1000);`, clock);
  await heard;
  clock.step(30_001);
  expect(await ended).toContain('SIGKILL');
  expect(clock.timers).toBe(0);
});

test('a process that loads the library may be silent for two minutes, and for half a minute after it', async () => {
  const clock = createSteppedClock();
  const { ended, process: own } = await start(
    `let id; onCommand((command) => { if (command.do === 'load') { ({ id } = command); say(${JSON.stringify(left)}); } else say({ kind: 'answer', id, ok: true, value: null }); });`,
    clock,
  );
  const loading = own.request({ do: 'load' }, 10 * MINUTE_MS);
  clock.step(119_000);
  own.request({ do: 'check' }, 10 * MINUTE_MS).catch(() => {});
  expect(await loading).toBeNull();
  clock.step(30_001);
  expect(await ended).toContain('SIGKILL');
});

test('one that is asked to end, and does not, is ended', async () => {
  const { ended, process: own, heard } = await start(`say(${JSON.stringify(left)}); setInterval(() => {}, 1000);`);
  await heard;
  own.end(100);
  expect(await ended).toContain('SIGKILL');
});

test('its last words are kept for the log, without keys', async () => {
  const key = '00112233445566778899aabbccddeeff';
  const { ended } = await start(`console.error('failed with ${key}'); process.exitCode = 1;`);
  const detail = await ended;
  expect(detail).toContain('failed with');
  expect(detail).not.toContain(key);
});

test('a program that is not there is an end like any other', async () => {
  const ended = Promise.withResolvers<string>();
  createZigbeeProcesses({ clock: createMonotonicClock(), guard, path: join(folder, 'none.cjs') }).spawn({
    onEvent() {},
    onExit: ended.resolve,
  });
  expect(await ended.promise).toContain('with 1');
});

describe('the program that came with the agent', () => {
  const own = (body: (process: ZigbeeProcess, ended: Promise<string>) => Promise<void>) => async () => {
    const ended = Promise.withResolvers<string>();
    const child = createZigbeeProcesses({ clock: createMonotonicClock(), guard }).spawn({ onEvent() {}, onExit: ended.resolve });
    running.push(child);
    await body(child, ended.promise);
  };
  const port = { adapter: 'zstack', path: '/dev/serial/by-id/none', baudRate: 115_200, rtscts: false } as const;

  test(
    'refuses what needs a network before there is one, and ends when it is asked to',
    own(async (child, ended) => {
      for (const command of [{ do: 'save' }, { do: 'check' }, { do: 'map' }, { do: 'permit_join', seconds: 60 }] as const)
        await expect(child.request(command, MINUTE_MS)).rejects.toMatchObject({ code: 'not_started' });
      child.end(MINUTE_MS);
      expect(await ended).toContain('with 0');
    }),
  );

  test(
    'says why a port cannot be looked at',
    own(async (child) => {
      const look = child.request({ do: 'look', port, networkKey: null, clear: false }, MINUTE_MS);
      await expect(look).rejects.toMatchObject({ code: expect.stringMatching(/^(port|library_missing)$/) });
    }),
  );
});
