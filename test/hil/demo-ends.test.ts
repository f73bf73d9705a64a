import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { startDemo, startDemoByNpm } from './rig/demo-process.ts';

const LIVE = 'The hub, live';
const TIMEOUT_MS = 150_000;

describe.concurrent('the demo leaves nothing behind', { timeout: TIMEOUT_MS }, () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s, as npm gives it: twice', async (signal) => {
    await using demo = await startDemo('--port', '0');
    await demo.untilPrinted(LIVE);
    demo.look();
    demo.child.kill(signal);
    await demo.untilPrinted('stopping');
    demo.child.kill(signal);
    expect(await demo.exited).toBe(0);
    expect(demo.out()).toMatch(/\nstopped\.\n$/);
    expect(demo.errors()).toBe('');
    expect(await demo.leftovers()).toEqual([]);
  });

  test.each(['SIGTERM', 'SIGHUP', 'SIGKILL'] as const)('npm alone gets a %s', async (signal) => {
    await using demo = await startDemoByNpm('--port', '0');
    await demo.untilPrinted(/ ok +agent connects/);
    demo.look();
    demo.child.kill(signal);
    await demo.exited;
    expect(await demo.leftovers()).toEqual([]);
  });

  test('Ctrl-C while it connects is no failure', async () => {
    await using demo = await startDemo('--port', '0');
    await demo.untilPrinted('ClaimHub while off');
    demo.look();
    demo.child.kill('SIGINT');
    expect(await demo.exited).toBe(0);
    expect(demo.out()).not.toContain('FAIL');
    expect(await demo.leftovers()).toEqual([]);
  });

  test('Ctrl-C before anything is open', async () => {
    await using demo = await startDemo('--port', '0');
    await demo.untilPrinted('The hub answers its cloud');
    demo.child.kill('SIGINT');
    expect(await demo.exited).toBe(0);
    expect(demo.out()).not.toContain('FAIL');
    expect(await demo.leftovers()).toEqual([]);
  });

  test('Ctrl-C in the tour: the exit code of a program that was interrupted, and JSON that says so', async () => {
    await using demo = await startDemo('--once');
    await demo.untilPrinted(/ ok +agent connects/);
    demo.look();
    demo.child.kill('SIGINT');
    expect(await demo.exited).toBe(130);
    expect(JSON.parse(demo.out().trimEnd().split('\n').at(-1)!)).toMatchObject({ ok: false, interrupted: 'SIGINT' });
    expect(demo.out()).not.toContain('FAIL');
    expect(await demo.leftovers()).toEqual([]);
  });

  test.each([
    ['live', ['--port', '0'], 0],
    ['the tour', ['--once'], 141],
  ] as const)('a reader that goes after the first line, as head -1 does: %s', async (_what, args, code) => {
    await using demo = await startDemo(...args);
    await demo.untilPrinted('The hub answers its cloud');
    demo.child.stdout!.destroy();
    expect(await demo.exited).toBe(code);
    expect(demo.errors()).toBe('');
    expect(await demo.leftovers()).toEqual([]);
  });

  test('a port that is taken: the remedy can be pasted', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const { port } = other.address() as AddressInfo;
      await using demo = await startDemo('--port', String(port));
      expect(await demo.exited).toBe(1);
      expect(demo.errors()).toContain('npm run demo -- --port N');
      expect(await demo.leftovers()).toEqual([]);
    } finally {
      other.close();
    }
  });

  test.each([
    ['--port', '99999'],
    ['--port', ''],
    ['--send-while-offline', 'maybe'],
    ['--twice'],
    ['--replay', 'package.json'],
    ['--replay', 'not-there.gz'],
  ])('arguments that make no sense: %s %s', async (...args) => {
    await using demo = await startDemo(...args.filter((arg) => arg !== undefined));
    expect(await demo.exited).toBe(1);
    expect(demo.errors()).toMatch(/^demo: /);
    expect(await demo.leftovers()).toEqual([]);
  });
});
