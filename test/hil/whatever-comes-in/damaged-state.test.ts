import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DAMAGES, flipBit } from '../../unit/state/damage.ts';
import { runHubctl } from '../rig/hubctl.ts';
import { startOnline, untilOnline } from '../rig/start.ts';

/** Claimed, a command answered, stopped; then damaged, and started again. */
async function restartDamaged(damage: (state: string) => Promise<unknown>) {
  const world = await startOnline();
  const { rig, agent } = world;
  await rig.claim();
  await rig.untilReported('the claim', ({ claim }) => claim !== undefined);
  await rig.run('get_nodes');
  const session = String(rig.reported().session);
  expect(await agent.stop()).toBe(0);
  const state = join(rig.folder, 'state');
  await damage(state);
  const next = rig.startAgent();
  await untilOnline(rig, session);
  return { world, rig, next, state };
}

test('one flipped bit in the hub id resets nothing: the claim stays, and the damage is told', async () => {
  const { world, rig, next, state } = await restartDamaged((folder) => flipBit(join(folder, 'hub-id'), 3));
  await using _world = world;
  const events = next.lines.map(({ event }) => event);
  expect(events).toContain('hub_id_damaged');
  expect(events).not.toContain('state_of_another_hub');
  expect(rig.reported().claim).toBeDefined();
  expect(await readFile(join(state, 'hub-id'), 'utf8')).toBe(rig.hubId);
});

test('one flipped bit in the hubId of identity.json resets nothing: the claim stays, and the doctor names it', async () => {
  let damaged = '';
  const { world, rig, next, state } = await restartDamaged(async (folder) => {
    const path = join(folder, '..', 'etc', 'identity.json');
    const identity = JSON.parse(await readFile(path, 'utf8')) as { hubId: string };
    const hubId = identity.hubId;
    // A bit of the last digit that leaves it a hexadecimal digit.
    const last = [1, 2, 4].map((bit) => String.fromCharCode(hubId.charCodeAt(35) ^ bit)).find((digit) => /[0-9a-f]/.test(digit))!;
    damaged = hubId.slice(0, -1) + last;
    // The cloud knows the Thing by its name: the hub still comes online.
    await writeFile(path, JSON.stringify({ ...identity, hubId: damaged, thingName: hubId }));
  });
  await using _world = world;
  const events = next.lines.map(({ event }) => event);
  expect(events).toContain('identity_damaged');
  expect(events).not.toContain('state_of_another_hub');
  expect(rig.reported().claim).toBeDefined();
  expect(await readFile(join(state, 'hub-id'), 'utf8')).toBe(rig.hubId);
  const { terminal } = await runHubctl(rig, 'doctor --check files');
  expect(terminal.text().replace(/\s+/g, ' ')).toContain('hubId in identity.json is damaged');
});

test('several damaged files at once: the hub is online, its claim comes back, commands work', async () => {
  const { world, rig, next, state } = await restartDamaged(async (folder) => {
    await DAMAGES.zeroed!(join(folder, 'command-id.key'));
    await DAMAGES['a FIFO']!(join(folder, 'claim.json'));
    await writeFile(join(folder, 'nodes.json'), '{"version":1,"nodes":[');
    await rm(join(folder, 'commands'), { recursive: true });
    await writeFile(join(folder, 'commands'), 'no folder');
    await rm(join(folder, 'boot-id'), { force: true });
    await mkdir(join(folder, 'boot-id', 'inside'), { recursive: true });
  });
  await using _world = world;
  const events = next.lines.map(({ event }) => event);
  for (const event of ['command_id_key_damaged', 'claim_damaged', 'nodes_file_damaged', 'journal_unreadable']) {
    expect(events.filter((each) => each === event)).toHaveLength(1);
  }
  expect((await rig.run('server_info')).status).toBe('SUCCEEDED');
  await rig.untilReported('the claim again', ({ claim }) => claim !== undefined);
  const { terminal } = await runHubctl(rig, 'doctor --check files');
  expect(terminal.text()).toMatch(/damaged and set aside/);
  expect(terminal.text()).toMatch(/why +What a damaged file held is lost/);
  expect(JSON.parse(await readFile(join(state, 'claim.json'), 'utf8'))).toMatchObject({ orgId: expect.any(String) });
});

// Only root can give files away, and start an agent over them.
test.runIf(process.getuid?.() === 0)(
  'an agent that root starts over the state of another user ends with 78 and says how to start it',
  async () => {
    const world = await startOnline();
    await using _world = world;
    const { rig, agent } = world;
    expect(await agent.stop()).toBe(0);
    const state = join(rig.folder, 'state');
    await chown(state, 64_321, 64_321);
    const next = rig.startAgent();
    expect(await next.exited).toBe(78);
    expect(next.output()).toMatch(/belongs to uid 64321.*systemctl start hub-agent/);
    await chmod(state, 0o700);
    const { terminal } = await runHubctl(rig, 'doctor --check files');
    expect(terminal.text().replace(/\s+/g, ' ')).toMatch(/hub-id belongs to uid 0: the agent cannot use it/);
    expect(terminal.text()).toContain('chown -Rh hub-agent');
  },
);
