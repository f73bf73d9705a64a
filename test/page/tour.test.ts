import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium, type OpenPage, open } from './browser.ts';
import { createPageWorld, type PageWorld, panel, saveRun, textOf } from './world.ts';

const PASSWORD = 'correct-horse-battery';

describe.skipIf(!hasChromium)('the tour on the page', () => {
  let world: PageWorld;
  let shown: OpenPage;
  beforeAll(async () => {
    world = await createPageWorld();
    shown = await open(await world.context(), world.address);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  /** Chooses a call by its button; returns its form. */
  async function call(name: string) {
    const send = panel(shown.page, 'Send a command');
    await send.getByRole('button', { name, exact: true }).first().click();
    return send;
  }
  const command = (name: string, status: string) =>
    panel(shown.page, 'Commands').locator('summary').filter({ hasText: name }).filter({ hasText: status }).first();

  test('a page that opens late shows what was before: the claim, the nodes, the peripheral that is tampered', async () => {
    const { page } = shown;
    await panel(page, 'Hub').getByText('both agree').waitFor();
    await panel(page, 'Nodes').getByText('6 of 6 available').waitFor();
    await panel(page, 'Alarms').getByText('rs485/17').waitFor();
    await panel(page, 'Shadow').getByText('claim.siteId').first().waitFor();
    await panel(page, 'Log and trace').getByText('agent_started').waitFor();
  });

  test('ProvisionHub and ClaimHub answer as the API does', async () => {
    const send = await call('ProvisionHub');
    await send.getByRole('button', { name: 'ProvisionHub' }).last().click();
    await send.getByRole('status').getByText('200').waitFor();
    await call('ClaimHub');
    await send.getByRole('button', { name: 'ClaimHub' }).last().click();
    await send.getByRole('status').getByText('already claimed').waitFor();
    await send.getByLabel('siteId').fill('');
    await send.getByRole('button', { name: 'ClaimHub' }).last().click();
    await send.getByText('siteId must not be empty').first().waitFor();
    expect(await send.getByLabel('siteId').getAttribute('aria-invalid')).toBe('true');
  });

  test('get_nodes and server_info, stage by stage, with their results', async () => {
    const send = await call('get_nodes');
    await send.getByLabel('refresh').check();
    await send.getByRole('button', { name: 'Send get_nodes' }).click();
    await command('get_nodes', 'SUCCEEDED').waitFor();
    await call('server_info');
    await send.getByRole('button', { name: 'Send server_info' }).click();
    const row = command('server_info', 'SUCCEEDED');
    await row.waitFor();
    for (const stage of ['sent', 'taken', 'started', 'answered']) await row.getByText(stage).waitFor();
    await row.click();
    await panel(shown.page, 'Commands').getByText('"schemaVersion": 1').waitFor();
  });

  test('wrong args are refused by the hub, and the refusal stands at the field', async () => {
    const send = await call('set_wifi_credentials');
    await send.getByLabel('ssid').fill('');
    await send.getByLabel('credentials').fill('short');
    await send.getByRole('button', { name: 'Send set_wifi_credentials' }).click();
    await send.getByText('must be 1 to 32 bytes of UTF-8, not 0').waitFor();
    await send.getByText('must be 8 to 63 printable ASCII characters').first().waitFor();
    await command('set_wifi_credentials', 'REJECTED').waitFor();
  });

  test('a body that is no JSON goes to the API as it is', async () => {
    const send = await call('server_info');
    await send.getByRole('button', { name: 'edit as JSON' }).click();
    await send.getByRole('textbox').fill('{"command": ');
    await send.getByRole('button', { name: 'Send server_info' }).click();
    await send.getByRole('status').getByText('must be a JSON object').waitFor();
  });

  test('the hub moves to another Wi-Fi; its password is nowhere on the page, and not in the file', async () => {
    const { page } = shown;
    const send = await call('set_wifi_credentials');
    await send.getByLabel('credentials').fill(PASSWORD);
    await send.getByRole('button', { name: 'Send set_wifi_credentials' }).click();
    await command('set_wifi_credentials', /there is no Wi-Fi/.test(world.demo.out()) ? 'FAILED' : 'SUCCEEDED').waitFor();
    const file = await saveRun(page, 'tour.ndjson.gz');
    const text = textOf(file);
    expect(text).toContain('set_wifi_credentials');
    const key = /X-API-Key: (\S+)'/.exec(world.demo.out())![1]!;
    const token = new URL(world.address).searchParams.get('token')!;
    for (const secret of [PASSWORD, key, token, 'PRIVATE KEY', 'the password of home']) expect(text.includes(secret), secret).toBe(false);
    expect(await page.locator('body').innerText()).not.toContain(PASSWORD);
  });

  test('the keyboard alone steps through the traffic', async () => {
    const { page } = shown;
    const traffic = panel(page, 'Traffic');
    await traffic.getByRole('img').focus();
    await page.keyboard.press('ArrowLeft');
    await traffic
      .getByText(/hub|peripheral/)
      .first()
      .waitFor();
    await traffic.getByRole('button', { name: 'hold', pressed: true }).waitFor();
  });

  test('no error in the console, and no request to another host', () => {
    expect(shown.complaints).toEqual([]);
  });
});
