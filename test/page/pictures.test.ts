import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMonotonicClock } from '../../agent/system/clock.ts';
import { calls } from '../../scripts/demo/page/calls.ts';
import { busFaults } from '../../scripts/demo/page/faults/bus.ts';
import { cloudFaults } from '../../scripts/demo/page/faults/cloud.ts';
import { hubFaults } from '../../scripts/demo/page/faults/hub.ts';
import { createFaultPanel } from '../../scripts/demo/page/faults/panel.ts';
import type { Catalogue } from '../../scripts/demo/page/model/catalogue.ts';
import { createRecorder } from '../../scripts/demo/page/recorder.ts';
import { servePage } from '../../scripts/demo/page/server/server.ts';
import { createIotCore } from '../twins/iot-core/index.ts';
import { createOsdpLine } from '../twins/osdp-line/index.ts';
import { createPki } from '../twins/pki/pki.ts';
import { hasChromium, launch, open } from './browser.ts';
import { blocksOf, difference, readPictures, writePicture } from './pictures/blocks.ts';
import { boxFont } from './pictures/box-font.ts';
import { HUB_ID, LENGTH_MS, pictured, START } from './pictures/run.ts';
import { ARTEFACTS, SIZES, THEMES } from './world.ts';

/** `HUB_WRITE_LAYOUT=1` writes it anew. */
const REFERENCE = new URL('./pictures/reference.txt', import.meta.url);
/** What another version of the browser may change: the edges of letters and form controls. What it may not: a colour, a size, a place. */
const LOOSELY = { mean: 1, otherShare: 0.02 };
const NOW = START + LENGTH_MS;

/** The page on a run that is the same at each time, with every switch and form of the demo. */
async function serveRun() {
  const recorder = createRecorder({ nowMs: () => NOW });
  for (const { at, ...body } of pictured()) recorder.record(body, at);
  const line = createOsdpLine({ baudRate: 9_600, clock: createMonotonicClock() });
  const nothing = async () => {};
  const faults = [
    ...busFaults(line, { pull: nothing, plug: nothing }),
    ...hubFaults(() => null, nothing),
    ...cloudFaults({ iotCore: createIotCore({ pki: await createPki() }), hubId: HUB_ID, send: async () => ({ status: 200 }) }),
  ];
  const catalogue: Catalogue = {
    mode: 'live',
    calls: calls({ hubId: HUB_ID, siteId: 'site-1', orgId: 'example', ssid: 'Back Office' }),
    faults: createFaultPanel(faults, [1, 5, 17], nothing).faults,
    targets: [1, 5, 17],
    savedAt: null,
  };
  return servePage({ recorder, catalogue, actions: {}, nowMs: () => NOW });
}

/** A browser whose clock stands, and whose letters are boxes. */
async function steady(browser: Browser, theme: (typeof THEMES)[number], width: number, height: number): Promise<BrowserContext> {
  // The font is no file of the page; that the page keeps to its policy is tested elsewhere.
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, bypassCSP: true });
  await context.clock.setFixedTime(NOW);
  const font = `@font-face { font-family: boxes; src: url(data:font/ttf;base64,${boxFont().toString('base64')}); }`;
  await context.route('**/app.css', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: `${await answer.text()}\n${font}\n* { font-family: boxes !important; }` });
  });
  return context;
}

describe.skipIf(!hasChromium)('pictures of the page', () => {
  let browser: Browser;
  let server: Awaited<ReturnType<typeof serveRun>>;
  beforeAll(async () => {
    await mkdir(ARTEFACTS, { recursive: true });
    [server, browser] = await Promise.all([serveRun(), launch()]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  const every = THEMES.flatMap((theme) => SIZES.map(([width, height]) => ({ theme, width, height })));

  test.each(every)('$theme, $width x $height looks as it did, loosely', async ({ theme, width, height }) => {
    const context = await steady(browser, theme, width, height);
    const { page } = await open(context, server.address);
    await page.getByRole('button', { name: 'server_info', exact: true }).first().waitFor();
    await page.evaluate('document.fonts.ready');
    expect(await page.evaluate("document.fonts.check('12px boxes')")).toBe(true);
    await page.locator('.lane-canvas[data-items]:not([data-items="0"])').waitFor();
    const png = await page.screenshot({ fullPage: true, animations: 'disabled' });
    await context.close();
    const name = `${theme} ${width}x${height}`;
    await writeFile(join(ARTEFACTS, `boxes-${theme}-${width}x${height}.png`), png);

    const blocks = await blocksOf(browser, png);
    if (process.env.HUB_WRITE_LAYOUT === '1') writePicture(REFERENCE, name, blocks);
    const reference = readPictures(REFERENCE).get(name);
    expect(reference, `no picture "${name}" in ${REFERENCE.pathname}; HUB_WRITE_LAYOUT=1 makes it`).toBeDefined();
    const { mean, otherShare } = difference(reference!, blocks);
    expect(mean, `mean difference of ${name}`).toBeLessThan(LOOSELY.mean);
    expect(otherShare, `blocks of ${name} that differ much`).toBeLessThan(LOOSELY.otherShare);
  });
});
