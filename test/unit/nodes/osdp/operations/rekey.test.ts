import { describe, expect, test } from 'vitest';
import type { Rekeyed } from '../../../../../agent/contract/maintenance.ts';
import { createOsdpBus } from '../../../../../agent/nodes/osdp/bus/osdp-bus.ts';
import { createKeyStore } from '../../../../../agent/nodes/osdp/keys/key-store.ts';
import type { Files } from '../../../../../agent/system/files.ts';
import { Secret } from '../../../../../agent/system/secret.ts';
import { createMemoryFiles } from '../../../../support/memory-files.ts';
import { createSteppedClock } from '../../../../support/stepped-clock.ts';
import { createOsdpLine, type PeripheralOptions } from '../../../../twins/osdp-line/index.ts';
import { createFakeEntropy, createFakeLog, createFakePort } from '../../fakes.ts';

const PATH = '/state/osdp-keys-rs485.json';
const OLD_KEY = '0f0e0d0c0b0a09080706050403020100';
const OTHER_KEY = 'ff0e0d0c0b0a09080706050403020100';
const never = new AbortController().signal;
const addresses = Array.from({ length: 10 }, (_, address) => address);
const hexOf = (key: Uint8Array | null | undefined) => (key ? Buffer.from(key).toString('hex') : 'default');

/** A line with peripherals, a disk, and agents that come and go. */
function createWorld(peripherals: PeripheralOptions[]) {
  const clock = createSteppedClock();
  const line = createOsdpLine({ baudRate: 38400, peripherals, clock });
  const disk = createMemoryFiles();
  const log = createFakeLog();
  let runs = 0;

  function startAgent({ keys = new Map<number, Secret>(), allowDefaultKey = false, onWrite = (_when: 'before' | 'after') => {} } = {}) {
    let dead = false;
    const forever = new Promise<never>(() => {});
    const files: Files = {
      ...disk,
      async writeAtomic(path, data, mode) {
        onWrite('before');
        if (dead) return forever;
        await disk.writeAtomic(path, data, mode);
        onWrite('after');
        return dead ? forever : undefined;
      },
    };
    const port = createFakePort(line.wire, (rate) => line.setPanelBaudRate(rate));
    const bus = createOsdpBus({
      id: 'rs485',
      path: '/dev/adapter',
      baudRate: 38400,
      addresses,
      allowDefaultKey,
      keys,
      keyStore: createKeyStore({ path: PATH, files, log }),
      serialPorts: port,
      clock,
      wallClock: { nowMs: () => clock.nowMs() },
      entropy: createFakeEntropy(++runs),
      log,
    });
    bus.start();
    const securityOf = (address: number) => bus.nodes().find((node) => node.address === String(address))?.security;
    return {
      bus,
      securityOf,
      /** As SIGKILL: nothing that it began goes on. */
      kill() {
        dead = true;
        port.yank();
        void bus.stop();
      },
      get dead() {
        return dead;
      },
      async rekey(address: number | null, defaultKey = false): Promise<Rekeyed[]> {
        return clock.settle(
          bus.maintenance!.rekey({ address, defaultKey }, () => {}, never),
          120_000,
        );
      },
      /** Every peripheral has an open channel, under the default key or its own. */
      opened: () =>
        clock.until(() => addresses.every((address) => ['secured', 'default_key'].includes(securityOf(address) ?? '')), 120_000),
    };
  }

  return {
    clock,
    line,
    disk,
    log,
    startAgent,
    keyIn: (address: number) => hexOf(line.peripheral(address).settings.secureChannel?.key),
    /** The keys on the disk for an address, as they will be tried. */
    stored: (address: number): string[] => {
      const { entries } = JSON.parse(disk.content.get(PATH)?.toString() ?? '{"entries":[]}') as {
        entries: { address: number; keys: string[] }[];
      };
      return entries.find((entry) => entry.address === address)?.keys ?? [];
    },
  };
}

const newReader = (address: number): PeripheralOptions => ({ address, secureChannel: { required: address % 2 === 0 } });

describe('rekey', () => {
  test('moves new readers from the default key to keys of their own, and the agent knows them after a restart', async () => {
    const world = createWorld(addresses.map(newReader));
    const agent = world.startAgent();
    await world.clock.until(() => agent.bus.scanComplete(), 30_000);
    expect(await agent.rekey(3)).toEqual([{ address: 3, result: 'unsecured' }]);
    const done = await agent.rekey(null, true);
    expect(done).toEqual(addresses.map((address) => ({ address, result: 'rekeyed' })));
    await agent.opened();
    const keys = addresses.map(world.keyIn);
    expect(new Set(keys).size).toBe(10);
    expect(keys).not.toContain('default');
    for (const address of addresses) {
      expect(agent.securityOf(address)).toBe('secured');
      expect(world.stored(address)).toEqual([world.keyIn(address)]);
    }
    agent.kill();
    const next = world.startAgent();
    await next.opened();
    for (const address of addresses) expect(next.securityOf(address)).toBe('secured');
    expect(JSON.stringify(world.log.lines)).not.toContain(keys[0]);
    next.kill();
  });

  test('takes the place of the key in the key file, until another one is written there', async () => {
    const world = createWorld(addresses.map((address) => ({ address, secureChannel: { key: Buffer.from(OLD_KEY, 'hex') } })));
    const keys = new Map(addresses.map((address) => [address, new Secret(OLD_KEY)]));
    const agent = world.startAgent({ keys });
    await agent.opened();
    expect(await agent.rekey(4)).toEqual([{ address: 4, result: 'rekeyed' }]);
    agent.kill();
    const next = world.startAgent({ keys });
    await next.opened();
    expect(next.securityOf(4)).toBe('secured');
    next.kill();
    // On site the reader was given another key by hand, and the key file says so.
    Object.assign(world.line.peripheral(4).settings.secureChannel!, { key: Buffer.from(OTHER_KEY, 'hex') });
    const last = world.startAgent({ keys: new Map(keys).set(4, new Secret(OTHER_KEY)) });
    await last.opened();
    expect(last.securityOf(4)).toBe('secured');
    expect(world.stored(4)).toEqual([]);
    last.kill();
  });

  test('sends nothing that is not on the disk', async () => {
    const world = createWorld(addresses.map(newReader));
    const agent = world.startAgent({ allowDefaultKey: true });
    await agent.opened();
    world.disk.full = true;
    expect(await agent.rekey(3)).toEqual([{ address: 3, result: 'not_stored' }]);
    expect(world.keyIn(3)).toBe('default');
    expect(agent.securityOf(3)).toBe('default_key');
    world.disk.full = false;
    expect(await agent.rekey(3)).toEqual([{ address: 3, result: 'rekeyed' }]);
    agent.kill();
  });

  test('leaves a peripheral that takes no keys as it was', async () => {
    const world = createWorld(addresses.map((address) => ({ address, secureChannel: { refusesKeys: address === 3 } })));
    const agent = world.startAgent({ allowDefaultKey: true });
    await agent.opened();
    expect(await agent.rekey(3)).toEqual([{ address: 3, result: 'refused' }]);
    expect(world.stored(3)).toEqual([]);
    await world.clock.advance(2_000);
    expect(agent.securityOf(3)).toBe('default_key');
    agent.kill();
  });

  test.each<[string, Partial<PeripheralOptions>]>([
    ['that starts again by itself', { restartsAfterSettings: true, bootMs: 3_000 }],
    ['that is busy while it writes', { busyForSettings: 6 }],
    ['that answers data in clear', { secureChannel: { leavesDataInClear: true } }],
    ['that keeps its channel after KEYSET', { secureChannel: { keepsChannelAfterKeyset: true } }],
  ])('a peripheral %s', async (_what, habit) => {
    const world = createWorld(addresses.map((address) => ({ ...newReader(address), ...habit })));
    const agent = world.startAgent({ allowDefaultKey: true });
    await agent.opened();
    expect(await agent.rekey(3)).toEqual([{ address: 3, result: 'rekeyed' }]);
    expect(world.stored(3)).toEqual([world.keyIn(3)]);
    agent.kill();
  });

  test('keys that cannot be read keep the bus from asking in clear, until they can', async () => {
    const world = createWorld(addresses.map(newReader));
    const agent = world.startAgent();
    await world.clock.until(() => agent.bus.scanComplete(), 30_000);
    await agent.rekey(null, true);
    agent.kill();
    world.disk.broken = true;
    await world.clock.advance(500);
    world.line.resetStats();
    const next = world.startAgent();
    await world.clock.advance(5_000);
    expect(next.bus.status()).toMatchObject({ state: 'unavailable', error: { message: expect.stringContaining(PATH) } });
    expect(world.line.stats().requests).toBe(0);
    world.disk.broken = false;
    await next.opened();
    next.kill();
  });

  test('a new address takes its key along', async () => {
    const world = createWorld([0, 1, 2].map(newReader));
    const agent = world.startAgent();
    await world.clock.until(() => agent.bus.scanComplete(), 30_000);
    await agent.rekey(null, true);
    const key = world.keyIn(0);
    const moved = agent.bus.maintenance!.setAddress({ from: 0, to: 7, baudRate: null }, never);
    expect(await world.clock.settle(moved, 30_000)).toMatchObject({ proven: true });
    expect(world.stored(7)).toEqual([key]);
    expect(world.stored(0)).toEqual([]);
    await world.clock.until(() => agent.securityOf(7) === 'secured', 30_000);
    agent.kill();
  });
});

/** How something ends in the midst of a rekey. */
const ENDS = ['agent', 'peripheral', 'power'] as const;

/** Rekeys ten readers one after the other; each is cut at its own step of this number. Answers how many were. */
async function cutAllAt(step: number): Promise<number> {
  const world = createWorld(addresses.map(newReader));
  let cuts = 0;
  let target: { address: number; left: number; end: (typeof ENDS)[number] } | null = null;
  let agent: ReturnType<typeof world.startAgent>;

  const count = () => {
    if (!target || target.left-- !== 0) return;
    cuts++;
    if (target.end !== 'agent') world.line.peripheral(target.address).powerCycle();
    if (target.end !== 'peripheral') agent.kill();
  };
  world.line.onFrame(({ from, bytes }) => {
    if (target && (bytes[1]! & 0x7f) === target.address && (from === 'panel' || from === target.address)) count();
  });
  const start = () => world.startAgent({ allowDefaultKey: true, onWrite: count });

  agent = start();
  await agent.opened();
  for (const address of addresses) {
    target = { address, left: step, end: ENDS[address % ENDS.length]! };
    let over = false;
    agent.bus
      .maintenance!.rekey({ address, defaultKey: true }, () => {}, never)
      .then(
        () => {
          over = true;
        },
        () => {
          over = true;
        },
      );
    await world.clock.until(() => over || agent.dead, 120_000);
    target = null;
    if (agent.dead) agent = start();
    await agent.opened();
    const keys = [...world.stored(address), 'default'];
    expect(keys, `address ${address} after step ${step}`).toContain(world.keyIn(address));
  }
  expect(await agent.rekey(null, true)).toEqual(addresses.map((address) => ({ address, result: 'rekeyed' })));
  await agent.opened();
  for (const address of addresses) {
    expect(agent.securityOf(address)).toBe('secured');
    expect(world.stored(address)).toEqual([world.keyIn(address)]);
  }
  agent.kill();
  world.line.stop();
  return cuts;
}

/** Steps of one rekey: frames in both directions and writes, each before and after. */
const STEPS = 20;

test.each(Array.from({ length: STEPS }, (_, step) => step))('ten readers, each cut at step %i of its rekey: none is lost', async (step) => {
  expect(await cutAllAt(step)).toBe(10);
});

test('a rekey has no further step', async () => {
  expect(await cutAllAt(STEPS)).toBe(0);
});
