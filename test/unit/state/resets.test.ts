import { describe, expect, test } from 'vitest';
import { createResets } from '../../../agent/state/resets.ts';
import { createMemoryFiles, type MemoryFiles } from '../../support/memory-files.ts';
import { createFakeLog } from '../nodes/fakes.ts';

const STATE = '/state';
const USED = ['claim.json', 'command-id.key', 'nodes.json', 'wifi-change.json', 'commands/c1.json'];

function usedState(): MemoryFiles {
  const claim = JSON.stringify({ orgId: 'o', siteId: 's', claimedBy: 'u', claimedAt: 1 });
  return createMemoryFiles(new Map(USED.map((name) => [`${STATE}/${name}`, Buffer.from(name === 'claim.json' ? claim : '{}')])));
}

/** An agent's resets over the files of the one before. */
function make(files: MemoryFiles) {
  const log = createFakeLog();
  return { log, resets: createResets({ files, stateDirectory: STATE, log }) };
}

const names = (files: MemoryFiles) => [...files.content.keys()].map((path) => path.slice(STATE.length + 1)).sort();
const isNote = (name: string) => name.startsWith('forgotten-claim-') || name === 'forget-wifi';

describe('a reset that was asked for', () => {
  test('is told to whoever waits once it stands on the disk, and done at the end', async () => {
    const files = usedState();
    const { resets } = make(files);
    expect(resets.pending()).toBeNull();
    await resets.ask('factory');
    expect(await resets.asked).toBe('factory');
    expect(names(files)).toEqual([...USED, 'reset-asked-factory'].sort());
    await resets.carryOut(resets.pending()!);
    expect(names(files).filter((name) => !isNote(name))).toEqual(['wifi-change.json']);
    expect(names(files).filter(isNote)).toHaveLength(2);
  });

  test('is done by the next agent when the power was cut before the end', async () => {
    const files = usedState();
    await make(files).resets.ask('factory');
    const { resets, log } = make(files);
    await resets.resume();
    expect(names(files).filter((name) => !isNote(name))).toEqual(['wifi-change.json']);
    expect(log.lines.map(({ event }) => event)).toEqual(['reset_resumed', 'state_forgotten']);
    const third = make(files);
    await third.resets.resume();
    expect(third.log.lines).toEqual([]);
  });

  test('is done whole, wherever the power is cut while it is carried out', async () => {
    for (let steps = 0; steps < 12; steps++) {
      const files = usedState();
      const { resets } = make(files);
      await resets.ask('factory');
      let left = steps;
      const cut: MemoryFiles = {
        ...files,
        async remove(path) {
          if (left-- <= 0) throw new Error('power cut');
          await files.remove(path);
        },
      };
      await make(cut)
        .resets.carryOut('factory')
        .catch(() => {});
      await make(files).resets.resume();
      expect(names(files).filter((name) => !isNote(name))).toEqual(['wifi-change.json']);
      expect(names(files).filter(isNote)).toHaveLength(2);
    }
  });

  test('forgets the more of two', async () => {
    const files = usedState();
    const { resets } = make(files);
    await resets.ask('factory');
    await resets.ask('state');
    expect(resets.pending()).toBe('factory');
    await make(files).resets.resume();
    expect(names(files).filter((name) => !isNote(name))).toEqual(['wifi-change.json']);
  });

  test('does not lose a factory reset that was promised before to a smaller one', async () => {
    const files = usedState();
    await make(files).resets.ask('factory');
    await make(files).resets.carryOut('state');
    expect(names(files).filter((name) => !isNote(name))).toEqual(['wifi-change.json']);
  });

  test('does not happen when whoever asked has given up meanwhile', async () => {
    const files = usedState();
    const { resets } = make(files);
    await expect(resets.ask('factory', AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
    expect(names(files)).toEqual([...USED].sort());
    expect(resets.pending()).toBeNull();
  });

  test('is refused when it cannot be written, and nothing begins', async () => {
    const files: MemoryFiles = { ...usedState(), writeAtomic: () => Promise.reject(new Error('no space left')) };
    const { resets } = make(files);
    await expect(resets.ask('state')).rejects.toThrow('no space left');
    expect(resets.pending()).toBeNull();
  });

  test('a state directory that cannot be read stops no start', async () => {
    const files: MemoryFiles = { ...usedState(), list: () => Promise.reject(new Error('input/output error')) };
    const { resets, log } = make(files);
    await resets.resume();
    expect(log.lines.map(({ event }) => event)).toEqual(['reset_failed']);
  });
});
