import { describe, expect, test } from 'vitest';
import { decide } from '../../../../../agent/nodes/zigbee/state/decision.ts';
import { recordText } from '../../../../../agent/nodes/zigbee/state/network-record.ts';
import { zigbeePlaces } from '../../../../../agent/nodes/zigbee/state/places.ts';
import { createVault } from '../../../../../agent/nodes/zigbee/state/vault.ts';
import { createMemoryFiles } from '../../../../support/memory-files.ts';
import { createRandom } from '../../../../support/random.ts';
import { backup, backupFile, databaseFile, LOCK, OTHER, OURS, PATH, record, SENSOR, STICK } from '../samples.ts';

const places = zigbeePlaces('/state', 'zb');
const JUMP = 2 ** 20 + 1;
const blank = { kind: 'blank', coordinator: STICK } as const;

/** A hub whose copy has the counter 1000. */
function createRig() {
  const files = createMemoryFiles();
  const put = (name: keyof typeof places, text: string) => files.content.set(places[name], Buffer.from(text));
  for (const name of ['record', 'recordCopy'] as const) put(name, recordText(record()));
  for (const name of ['database', 'databaseCopy'] as const) put(name, databaseFile(LOCK, SENSOR));
  for (const name of ['backup', 'backupCopy'] as const) put(name, backupFile(backup()));
  let vault = createVault({ files, places });
  const copied = async () => {
    const { backupCopy } = await vault.read();
    return backupCopy.state === 'sound' ? backupCopy.value.frameCounter : backupCopy.state;
  };
  return {
    files,
    put,
    copied,
    restart: () => {
      vault = createVault({ files, places });
    },
    archive: () => vault.archive(),
    /** The library saves, and the agent keeps what it saved. */
    async saved(frameCounter: number, network = OURS) {
      put('backup', backupFile(backup(network, { frameCounter })));
      return (await vault.keep(record({ ...network }), new Set(), 5000)).backup;
    },
    /** The counter with which the network would be written to a stick that has none. */
    async restored() {
      const stored = await vault.read();
      const decision = decide({ adapter: 'zstack', path: PATH, stick: blank, ...stored }, 'restore');
      if (decision.action !== 'start' || decision.backup === null) return null;
      const chosen = stored[decision.backup === 'copy' ? 'backupCopy' : 'backup'];
      return chosen.state === 'sound' ? chosen.value.frameCounter : null;
    },
  };
}

test.each([0xfeee_eeef, 2 ** 32 - 2, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, 1e300, -1, 1000.5])(
  'a counter of %s is no counter: the copy stays, is restored from, and takes the next true backup',
  async (counter) => {
    const hub = createRig();
    expect(await hub.saved(counter)).toBe('unusable');
    expect([await hub.copied(), await hub.restored()]).toEqual([1000, 1000]);
    expect(await hub.saved(1001)).toBe('kept');
    expect([await hub.copied(), await hub.restored()]).toEqual([1001, 1001]);
  },
);

test('a copy that an older agent made of such a backup is no copy', async () => {
  const hub = createRig();
  hub.put('backupCopy', backupFile(backup(OURS, { frameCounter: 2 ** 32 - 1 })));
  expect(await hub.restored()).toBe(1000);
  expect(await hub.saved(1001)).toBe('kept');
});

describe('a counter that jumps', () => {
  test('is not kept, and the next true backup is', async () => {
    const hub = createRig();
    expect(await hub.saved(1000 + JUMP)).toBe('doubtful');
    expect(await hub.copied()).toBe(1000);
    expect(await hub.saved(1100)).toBe('kept');
    expect(await hub.saved(1100 + JUMP)).toBe('doubtful');
    expect(await hub.copied()).toBe(1100);
  });

  test('is believed when the next backup goes on from there, as after a long absence of the agent', async () => {
    const hub = createRig();
    expect(await hub.saved(3e9)).toBe('doubtful');
    expect(await hub.saved(3e9)).toBe('doubtful');
    expect(await hub.saved(3e9 + 5)).toBe('kept');
    expect(await hub.copied()).toBe(3e9 + 5);
  });

  test('does not confirm another jump', async () => {
    const hub = createRig();
    for (const counter of [2e9, 3e9, 2e9 + 1, 4e9]) expect(await hub.saved(counter)).toBe('doubtful');
    expect(await hub.copied()).toBe(1000);
  });

  test('is restored all the same, since the network may have used it, also after a restart', async () => {
    const hub = createRig();
    await hub.saved(3e9);
    hub.restart();
    expect(await hub.restored()).toBe(3e9);
    expect(await hub.saved(3e9 + 2500)).toBe('doubtful');
    expect(await hub.saved(3e9 + 2501)).toBe('kept');
  });

  test('is none for the first backup of a network', async () => {
    const hub = createRig();
    hub.files.content.delete(places.backupCopy);
    expect(await hub.saved(3e9)).toBe('kept');
    expect(await hub.saved(2e9, OTHER)).toBe('kept');
  });
});

test.each(Array.from({ length: 20 }, (_, index) => 20_261_129 + index))(
  'among backups with misread counters the true ones are kept, and nothing older than a true one is restored (seed %i)',
  async (seed) => {
    const random = createRandom(seed);
    const hub = createRig();
    let used = 1000;
    for (let save = 0; save < 60; save += 1) {
      used += Math.floor(random.unit() * 100_000);
      if (random.chance(0.1)) hub.restart();
      if (random.chance(0.3)) {
        // Misread: anything above what a coordinator can have sent, so that no second one goes on from it by chance.
        await hub.saved(Math.min(2 ** 32 - 1, Math.floor(2 ** 31 + random.unit() * 2 ** 31)));
      } else {
        expect(await hub.saved(used)).toBe('kept');
        expect(await hub.copied()).toBe(used);
        expect(await hub.restored()).toBe(used);
      }
      expect(await hub.restored()).toBeGreaterThanOrEqual((await hub.copied()) as number);
    }
  },
);
