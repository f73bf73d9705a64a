import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDemo } from '../hil/rig/demo-process.ts';
import { hasChromium, type OpenPage, open } from './browser.ts';
import { addressIn, createPageWorld, PATIENCE_MS, type PageWorld, panel, saveRun } from './world.ts';

/** What must be told of each fault, in its order. Of a switch: what comes before it is switched off, and what after. */
const FAULTS: readonly { id: string; told: RegExp; after?: RegExp }[] = [
  { id: 'kill', told: /Agent killed.*offline, by its will.*started again.*online again, with a new session.*all 6 nodes are back/ },
  { id: 'late_will', told: /Link cut.*link is gone.*connected again.*the late will says offline.*birth again: online/ },
  { id: 'stale_versions', told: /refused as stale.*409.*taken.*answered SUCCEEDED; it ran once/ },
  { id: 'throttling', told: /throttled.*429.*taken.*answered SUCCEEDED; it ran once/ },
  {
    id: 'tamper',
    told: /Housing of peripheral 5 opened.*(the alarm is in the shadow|the node shows it)/,
    after: /the alarm is over, and still listed/,
  },
  {
    id: 'swap',
    told: /Peripheral 5 swapped.*(the hub notices another device|the alarm is in the shadow)/,
    after: /the hub knows the old one again/,
  },
  { id: 'clock', told: /an hour ahead.*answered SUCCEEDED; it ran once/, after: /clocks agree again/ },
  { id: 'silence', told: /Peripheral 5 silenced.*its node is unavailable after/, after: /its node is back after/ },
  {
    id: 'serial',
    told: /Serial adapter pulled.*bus unavailable.*6 nodes unavailable/,
    after: /plugged in again.*all 6 nodes are back after/,
  },
  { id: 'broker', told: /Broker restarted.*link is gone.*the broker is there again.*online again, with a new session/ },
  {
    id: 'refused_subscription',
    told: /refused.*left out for 10 min: presence_subscribe.*online again/,
    after: /the policy allows it again/,
  },
  { id: 'blocked_port', told: /First port blocked.*takes the second port, as 443 with ALPN.*online again/, after: /first port open again/ },
];

describe.skipIf(!hasChromium)('faults on the page', () => {
  let world: PageWorld;
  let shown: OpenPage;
  beforeAll(async () => {
    world = await createPageWorld();
    shown = await open(await world.context(), world.address);
    await panel(shown.page, 'Nodes').getByText('6 of 6 available').waitFor();
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const told = (id: string, text: RegExp) =>
    panel(shown.page, 'What the hub did about it').locator(`[data-story=${id}]`).filter({ hasText: text }).first().waitFor();

  test.each(FAULTS)('$id: what the hub does is told', async ({ id, told: first, after }) => {
    const button = panel(shown.page, 'Break something').locator(`[data-fault=${id}]`);
    await button.click();
    await told(id, first);
    if (!after) return;
    expect(await button.getAttribute('aria-checked')).toBe('true');
    await button.click();
    await told(id, after);
  });

  test('a replay shows what the page showed', async () => {
    const { page } = shown;
    const file = await saveRun(page, 'faults.ndjson.gz');
    await using demo = await startDemo('--replay', file);
    await demo.untilPrinted('token=');
    const again = await open(await world.context(), addressIn(demo.out()));
    // What still happens is not in the file: these do not change by themselves, but for the quality of the links.
    const textOf = async (of: typeof page, title: string) => (await panel(of, title).innerText()).replaceAll(/(\d+ %|–)$/gm, '');
    for (const title of ['What the hub did about it', 'Commands', 'Nodes']) {
      expect(await textOf(again.page, title), title).toBe(await textOf(page, title));
    }
    await again.page.getByRole('slider', { name: 'Place in the recording' }).press('Home');
    await panel(again.page, 'What the hub did about it').getByText('Break something, and watch').waitFor();
    await again.page.getByRole('button', { name: '20×' }).click();
    await again.page.getByRole('button', { name: 'Play' }).click();
    await panel(again.page, 'What the hub did about it').getByText('Agent killed').waitFor({ timeout: PATIENCE_MS });
    expect(await again.page.getByRole('region', { name: 'Break something' }).count()).toBe(0);
    expect(again.complaints).toEqual([]);
  });

  test('no error in the console, and no request to another host', () => {
    expect(shown.complaints).toEqual([]);
  });
});
