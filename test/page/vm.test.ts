import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCloudWorld } from '../vm/cloud-world.ts';
import { createGuest } from '../vm/guest.ts';
import { openVirtualHubPage } from '../vm/page/open.ts';
import { hasChromium, launch, type OpenPage, open } from './browser.ts';
import { PATIENCE_MS, panel } from './world.ts';

const SECRETS = { home: 'pw of the home network', away: 'pw of the other network', next: 'pw that somebody set' };
const PID = 812;

/** A virtual hub without a machine: it notes what is done to it, and says what it is told to. */
async function createHandle() {
  const folder = await mkdtemp(join(tmpdir(), 'hub-page-vm-'));
  const journal = join(folder, 'journal.log');
  await writeFile(journal, '');
  const done: string[] = [];
  let hasPower = true;
  const note =
    (name: string) =>
    async (...args: unknown[]) => {
      done.push(`${name} ${JSON.stringify(args)}`);
    };
  const guest = createGuest(async (script) => {
    if (!hasPower) throw new Error('no power');
    if (script.startsWith('systemctl kill')) done.push(script);
    const stdout = script.startsWith('iw dev') ? 'Connected\n\tSSID: Home\n' : script.includes('/v1/nodes') ? '{"nodes":[]}' : '';
    return { exitCode: stdout === '' && script.startsWith('perl') ? 1 : 0, stdout, stderr: '' };
  });
  return {
    folder,
    done,
    says: (name: string, pid: number, text: string) => appendFile(journal, `[   12.345678] ${name}[${pid}]: ${text}\r\n`),
    hub: {
      ...guest,
      runFolder: folder,
      air: { start: note('start'), stop: note('stop'), weaken: note('weaken'), clear: note('clear') },
      serial: { path: () => '/dev/null', open: () => Promise.reject(), plug: note('plug'), yank: note('yank'), close: note('close') },
      setClock: note('setClock'),
      async pullCord() {
        hasPower = false;
        done.push('pullCord');
      },
      async plugCord() {
        hasPower = true;
        done.push('plugCord');
      },
    },
  };
}

async function createWorld() {
  await using opened = new AsyncDisposableStack();
  const handle = await createHandle();
  opened.defer(() => rm(handle.folder, { recursive: true, force: true }));
  const cloud = await createCloudWorld();
  await cloud.start();
  opened.defer(() => cloud.stop());
  const page = opened.use(
    await openVirtualHubPage(
      handle.hub,
      {
        cloud,
        home: { name: 'home', radio: 0, ssid: 'Home', security: { kind: 'wpa2', passphrase: SECRETS.home } },
        away: { name: 'away', radio: 1, ssid: 'Away', security: { kind: 'wpa2', passphrase: SECRETS.away } },
        secret: () => SECRETS.next,
      },
      null,
    ),
  );
  const browser: Browser = await launch();
  opened.defer(() => browser.close());
  const shadow = cloud.iotCore.shadow(cloud.identity.hubId);
  const closing = opened.move();
  return {
    ...handle,
    page,
    browser,
    report: (reported: Record<string, unknown>) => shadow.update({ state: { reported } }),
    log: (line: Record<string, unknown>, pid = PID) =>
      handle.says('hub-agent', pid, JSON.stringify({ level: 'info', msg: 'words', ...line })),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

describe.skipIf(!hasChromium)('the page on a virtual hub', () => {
  let world: Awaited<ReturnType<typeof createWorld>>;
  let shown: OpenPage;
  beforeAll(async () => {
    world = await createWorld();
    const context = await world.browser.newContext({ viewport: { width: 1440, height: 900 } });
    context.setDefaultTimeout(PATIENCE_MS);
    shown = await open(context, world.page.address);
    await world.log({ event: 'agent_started' });
    world.report({ online: true, session: 'first' });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const fault = (id: string) => panel(shown.page, 'Break something').locator(`[data-fault=${id}]`);
  const told = (id: string, text: RegExp) =>
    panel(shown.page, 'What the hub did about it').locator(`[data-story=${id}]`).filter({ hasText: text }).first().waitFor();

  test('it shows the agent by its journal, its network by the kernel, and its log', async () => {
    const hub = panel(shown.page, 'Hub');
    await hub.getByText(String(PID), { exact: true }).waitFor();
    await hub.getByText('Home', { exact: true }).waitFor();
    await panel(shown.page, 'Log and trace').getByText('agent_started').waitFor();
  });

  test('what this rig lacks is not there: no serial line, no peripheral, no second port', async () => {
    const { page } = shown;
    const groups = await panel(page, 'Break something').locator('legend').allInnerTexts();
    expect(groups.map((name) => name.toLowerCase())).toEqual(['hub', 'air', 'cloud']);
    expect(await panel(page, 'Break something').getByRole('combobox').count()).toBe(0);
    expect(await fault('blocked_port').count()).toBe(0);
    expect(await page.locator('body').innerText()).not.toContain('OSDP');
    expect(await page.locator('.plot-grid figure').count()).toBe(2);
    await panel(page, 'What a hub promises').getByText('Power may go at any moment').waitFor();
    expect(await panel(page, 'What a hub promises').getByText('What is plugged in is found again').count()).toBe(0);
  });

  test('the power cord: gone, offline by its will, booted, online', async () => {
    await fault('cord').click();
    await told('cord', /Power cord pulled/);
    await panel(shown.page, 'Hub').getByText('ended').waitFor();
    expect(world.done).toContain('pullCord');
    world.report({ online: false });
    await told('cord', /offline, by its will/);
    await fault('cord').click();
    await told('cord', /power is back/);
    expect(world.done).toContain('plugCord');
    await world.log({ event: 'agent_started' }, PID + 1);
    await told('cord', /power is back.*booted; the agent is started/);
    world.report({ online: true, session: 'second' });
    await told('cord', /booted.*online again, with a new session/);
  });

  test('without power there is no agent to kill, and the page says so', async () => {
    await fault('cord').click();
    await panel(shown.page, 'Hub').getByText('ended').waitFor();
    await fault('kill').click();
    await shown.page.getByRole('status').getByText('no agent runs').waitFor();
    await fault('cord').click();
    await world.log({ event: 'agent_started' }, PID + 2);
    await panel(shown.page, 'Hub')
      .getByText(String(PID + 2), { exact: true })
      .waitFor();
    await fault('kill').click();
    await expect.poll(() => world.done).toContain('systemctl kill -s KILL hub-agent');
    await world.says('systemd', 1, 'hub-agent.service: Main process exited, code=killed, status=9/KILL');
    await world.log({ event: 'agent_started' }, PID + 3);
    await told('kill', /Agent killed.*started again, as systemd does/);
  });

  test('access points are switched off, get another password, and are weak', async () => {
    const home = { name: 'home', radio: 0, ssid: 'Home', security: { kind: 'wpa2', passphrase: SECRETS.home } };
    await fault('home_off').click();
    await told('home_off', /Access point of “Home” switched off/);
    await fault('home_off').click();
    await told('home_off', /switched on again/);
    expect(world.done.slice(-2)).toEqual(['stop ["home"]', `start ${JSON.stringify([home])}`]);
    await fault('home_password').click();
    await told('home_password', /Password of “Home” changed/);
    await fault('home_password').click();
    await told('home_password', /the old password holds again/);
    expect(world.done.slice(-2)).toEqual([
      `start ${JSON.stringify([{ ...home, security: { kind: 'wpa2', passphrase: SECRETS.next } }])}`,
      `start ${JSON.stringify([home])}`,
    ]);
    await fault('home_weak').click();
    await told('home_weak', /“Home” is weak/);
    expect(world.done).toContain('weaken ["home",true]');
  });

  test('the clock of the hub is wrong until it is set', async () => {
    await fault('hub_clock').click();
    await world.log({ event: 'cloud_waiting', reason: 'clock_unsynced' }, PID + 3);
    await told('hub_clock', /set to 1970.*the hub waits: its clock is not set/);
    expect(world.done).toContain('setClock [86400000]');
    await fault('hub_clock').click();
    world.report({ online: true, session: 'third' });
    await told('hub_clock', /is right again.*online again/);
  });

  test('no password is on the page, no error in the console, and no request to another host', async () => {
    const words = await shown.page.locator('body').innerText();
    for (const secret of Object.values(SECRETS)) expect(words).not.toContain(secret);
    expect(shown.complaints).toEqual([]);
  });
});
