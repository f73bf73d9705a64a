import { expect, test } from 'vitest';
import { strangersIn } from '../../../../agent/hubctl/doctor/state-checks.ts';
import type { PathFacts, Paths } from '../../../../agent/system/paths.ts';

const OWNER = 990;
const STATE = '/var/lib/hub-agent';
const NETWORK = `${STATE}/zigbee/lobby`;

/** A state directory with these entries besides those of a healthy hub. */
function pathsOf(changes: Record<string, Partial<PathFacts>> = {}): Paths {
  const healthy: Record<string, PathFacts['kind']> = {
    'claim.json': 'file',
    commands: 'directory',
    'commands/1.json': 'file',
    update: 'directory',
    zigbee: 'directory',
    'zigbee/lobby': 'directory',
    'zigbee/lobby/network.json': 'file',
    'zigbee/lobby/database.db': 'file',
    'zigbee/lobby/damaged-coordinator_backup.json': 'directory',
    'zigbee/lobby/previous': 'directory',
    'zigbee/lobby/previous/network.json': 'file',
    'zigbee/lobby/previous.new': 'directory',
  };
  const facts = new Map<string, PathFacts>();
  const put = (path: string, given: Partial<PathFacts>) =>
    facts.set(path, { kind: 'file', uid: OWNER, gid: OWNER, mode: 0o600, device: 0, ...facts.get(path), ...given });
  for (const [name, kind] of Object.entries(healthy)) put(`${STATE}/${name}`, { kind });
  for (const [path, given] of Object.entries(changes)) put(path, given);
  return {
    facts: async (path: string) => facts.get(path)!,
    names: async (folder: string) =>
      [...facts.keys()].filter((path) => path.slice(0, path.lastIndexOf('/')) === folder).map((path) => path.split('/').at(-1)!),
  } as Partial<Paths> as Paths;
}

const texts = async (paths: Paths) => (await strangersIn(paths, STATE, OWNER)).map(({ finding }) => finding);

test('a healthy state with commands, parts of an update and a Zigbee network has nothing strange in it', async () => {
  expect(await strangersIn(pathsOf(), STATE, OWNER)).toEqual([]);
});

test.each(['network.json', 'network.copy.json', 'database.db', 'coordinator_backup.json', 'backup.copy'])(
  'a Zigbee file %s of another user is named, with the command that gives it back',
  async (name) => {
    const [finding, ...others] = await strangersIn(pathsOf({ [`${NETWORK}/${name}`]: { uid: 0 } }), STATE, OWNER);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ remedy: expect.stringContaining('sudo chown') });
    expect(JSON.stringify(finding)).toContain(`${NETWORK}/${name}`);
  },
);

test('so is the folder of a network, and one that is no folder', async () => {
  expect(await texts(pathsOf({ [NETWORK]: { uid: 0 } }))).toEqual([expect.stringContaining(NETWORK)]);
  expect(await texts(pathsOf({ [`${STATE}/zigbee`]: { kind: 'file' } }))).toEqual([expect.stringContaining('is no folder')]);
});

test('damaged files have a reason of their own, and a remedy that says what a reset deletes besides', async () => {
  const [finding] = await strangersIn(pathsOf({ [`${STATE}/damaged-claim.json`]: {} }), STATE, OWNER);
  expect(finding).toMatchObject({ code: 'state_damaged', why: expect.stringContaining('What a damaged file held is lost') });
  expect(finding!.remedy).toMatch(
    /^Send a bundle to support first: sudo hubctl bundle\. Then: sudo hubctl reset\. It also deletes the list of known nodes/,
  );
});
