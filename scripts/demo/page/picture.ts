import { rename, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { startDemo } from '../../../test/hil/rig/demo-process.ts';
import { isRunWithoutArguments } from '../../without-arguments.ts';

/** Makes the picture of the README from a real run: a demo, its page in Debian's Chromium, a command, and two faults. */
const PICTURE = fileURLToPath(new URL('../../../docs/page.png', import.meta.url));
/** As large as a page of a repository shows it. */
const SIZE = { width: 1366, height: 940 };
const MAX_BYTES = 300_000;
const PATIENCE_MS = 90_000;
/** Until the lanes are full of the traffic after the last fault. */
const SETTLE_MS = 5_000;

const USAGE = `usage: npm run picture

Makes docs/page.png from a real run of the demo. Needs Debian's Chromium.
`;

async function takePicture(): Promise<void> {
  await using demo = await startDemo('--port', '0');
  await demo.untilPrinted('The hub, live');
  const address = /http:\/\/127\.0\.0\.1:\d+\/\?token=\S+/.exec(demo.out())![0];
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-sync'] });
  try {
    const page = await browser.newPage({ viewport: SIZE, colorScheme: 'light' });
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(address);
    await page.getByText('6 of 6 available').waitFor();
    const told = (fault: string, text: string) => page.locator(`.stories [data-story=${fault}]`).filter({ hasText: text }).waitFor();
    await page.locator('.faults [data-fault=serial]').click();
    await told('serial', '6 nodes unavailable');
    await page.locator('.faults [data-fault=serial]').click();
    await told('serial', 'all 6 nodes are back');
    await page.getByRole('button', { name: 'Send get_nodes' }).click();
    await page.locator('.commands summary').filter({ hasText: 'SUCCEEDED' }).waitFor();
    await page.locator('.faults [data-fault=late_will]').click();
    await told('late_will', 'birth again: online');
    await page.evaluate('scrollTo(0, 0)');
    await page.mouse.move(0, 0);
    await page.waitForTimeout(SETTLE_MS);
    await page.screenshot({ path: `${PICTURE}.new.png` });
  } finally {
    await browser.close();
  }
  const { size } = await stat(`${PICTURE}.new.png`);
  if (size > MAX_BYTES) throw new Error(`the picture has ${size} bytes, and may have ${MAX_BYTES}`);
  await rename(`${PICTURE}.new.png`, PICTURE);
  process.stdout.write(`${PICTURE}: ${size} bytes\n`);
}

if (isRunWithoutArguments(USAGE)) await takePicture();
