import { appendFile, chmod, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPki } from '../twins/pki/pki.ts';
import { createRig, type Rig } from './rig/rig.ts';

interface Case {
  what: string;
  config?: Record<string, object>;
  /** Breaks something in the folder of the configuration. */
  spoil?: (etc: string) => Promise<unknown>;
  /** The file, the field and words of the remedy that stderr must name. */
  file: string;
  field: string;
  remedy: RegExp;
}

const CASES: Case[] = [
  { what: 'a misspelt key', config: { cloud: { endpont: 'x' } }, file: 'agent.json', field: 'cloud.endpont', remedy: /endpoint/ },
  { what: 'a value out of range', config: { cloud: { port: 70_000 } }, file: 'agent.json', field: 'cloud.port', remedy: /65535/ },
  {
    what: 'a keepalive that AWS refuses',
    config: { cloud: { keepAliveSeconds: 5 } },
    file: 'agent.json',
    field: 'cloud.keepAliveSeconds',
    remedy: /30/,
  },
  {
    what: 'broken JSON',
    spoil: (etc) => writeFile(join(etc, 'agent.json'), '{"cloud": {'),
    file: 'agent.json',
    field: '',
    remedy: /JSON/,
  },
  {
    what: 'a configuration of lists in lists',
    spoil: (etc) => writeFile(join(etc, 'agent.json'), `${'['.repeat(100_000)}${']'.repeat(100_000)}`),
    file: 'agent.json',
    field: '',
    remedy: /inside each other/,
  },
  {
    what: 'a configuration of zeros, as a power cut leaves it',
    spoil: (etc) => writeFile(join(etc, 'agent.json'), Buffer.alloc(4_096)),
    file: 'agent.json',
    field: '',
    remedy: /Restore it/,
  },
  {
    what: 'an identity of objects in objects',
    spoil: (etc) => writeFile(join(etc, 'identity.json'), `${'{"hubId":'.repeat(20_000)}1${'}'.repeat(20_000)}`),
    file: 'identity.json',
    field: '',
    remedy: /inside each other/,
  },
  {
    what: "the hub's own certificate as the authority",
    spoil: (etc) => cp(join(etc, 'certificate.pem'), join(etc, 'ca.pem')),
    file: 'agent.json',
    field: 'cloud.caPath',
    remedy: /own certificate.*Amazon's root/,
  },
  {
    what: 'no identity',
    spoil: (etc) => rm(join(etc, 'identity.json')),
    file: 'identity.json',
    field: '',
    remedy: /--identity|[Cc]reate|[Ww]rite/,
  },
  {
    what: 'no certificate',
    spoil: (etc) => rm(join(etc, 'certificate.pem')),
    file: 'identity.json',
    field: 'certificatePath',
    remedy: /certificate\.pem/,
  },
  {
    what: 'a key that others can read',
    spoil: (etc) => chmod(join(etc, 'private.key'), 0o644),
    file: 'identity.json',
    field: 'privateKeyPath',
    remedy: /chmod/,
  },
  {
    what: 'the key of another certificate',
    spoil: async (etc) => writeFile(join(etc, 'private.key'), (await (await createPki()).issueClient('another')).privateKey),
    file: 'identity.json',
    field: 'privateKeyPath',
    remedy: /certificate/,
  },
  {
    what: 'certificate and key in one file',
    spoil: async (etc) => appendFile(join(etc, 'certificate.pem'), await readFile(join(etc, 'private.key'))),
    file: 'identity.json',
    field: 'certificatePath',
    remedy: /file of its own/,
  },
  {
    what: 'a list of revoked certificates among the authorities',
    spoil: async (etc) => appendFile(join(etc, 'ca.pem'), await (await createPki()).revoke([])),
    file: 'agent.json',
    field: 'cloud.caPath',
    remedy: /Remove it/,
  },
];

let rig: Rig;

beforeAll(async () => {
  rig = await createRig();
});

afterAll(() => rig.dispose());

/** A folder with the right configuration, to be spoilt. */
async function copyOfConfiguration(): Promise<string> {
  const etc = await mkdtemp(join(rig.folder, 'etc-'));
  await cp(join(rig.folder, 'etc'), etc, { recursive: true });
  return etc;
}

async function changeConfig(path: string, changes: NonNullable<Case['config']>): Promise<void> {
  const config = JSON.parse(await readFile(path, 'utf8')) as Record<string, object>;
  for (const [section, values] of Object.entries(changes))
    config[section] = Array.isArray(values) ? values : { ...config[section], ...values };
  await writeFile(path, JSON.stringify(config));
}

describe.concurrent('a wrong configuration ends the agent with 78 and says what to do', () => {
  test.each(CASES)('$what', async ({ config = {}, spoil, file, field, remedy }) => {
    const etc = await copyOfConfiguration();
    const key = await readFile(join(etc, 'private.key'), 'utf8');
    await changeConfig(join(etc, 'agent.json'), config);
    await spoil?.(etc);
    const agent = rig.startAgent({ etc });
    expect(await agent.exited).toBe(78);
    expect(agent.output()).toContain(join(etc, file));
    expect(agent.output()).toContain(field);
    expect(agent.output()).toMatch(remedy);
    expect(agent.output()).not.toContain(key.split('\n')[1]);
    expect(rig.iotCore.connections()).toEqual([]);
  });

  test('the right one is accepted by --check, which connects to nothing', async () => {
    const agent = rig.startAgent({ args: ['--check'] });
    expect(await agent.exited).toBe(0);
    expect(agent.output()).toContain(rig.hubId);
    expect(rig.iotCore.connections()).toEqual([]);
  });
});

test.each([
  ['no key in it', '{"5": "short"}', 0o600],
  ['an address with two keys', `{"5": "${'a1'.repeat(16)}", "5": "${'b2'.repeat(16)}"}`, 0o600],
  ['rights for others', `{"5": "${'a1'.repeat(16)}"}`, 0o644],
])('a key file with %s costs its own bus alone, and --check names it', async (_what, text, mode) => {
  const etc = await copyOfConfiguration();
  const bus = (id: string) => ({ id, protocol: 'osdp', path: `/dev/none-${id}` });
  await changeConfig(join(etc, 'agent.json'), { buses: [{ ...bus('bad'), keysPath: 'keys.json' }, bus('good')] });
  await writeFile(join(etc, 'keys.json'), text, { mode });
  const check = rig.startAgent({ etc, args: ['--check'] });
  expect(await check.exited).toBe(78);
  expect(check.output()).toMatch(/buses\[0\]\.keysPath.*keys\.json/);
  const agent = rig.startAgent({ etc });
  await agent.waitFor('agent_started');
  const unavailable = await agent.waitFor('bus_unavailable', { where: ({ bus: id }) => id === 'bad' });
  expect(unavailable.msg).toMatch(/keys\.json.*Restart the agent/);
  expect(agent.output()).not.toMatch(/a1a1a1|b2b2b2/);
  expect(await agent.stop()).toBe(0);
});
