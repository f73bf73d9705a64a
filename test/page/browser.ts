import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** Debian's browser. */
const CHROMIUM = '/usr/bin/chromium';
/** CI sets `HUB_REQUIRE_CHROMIUM=1`: there the tests fail without it. */
export const hasChromium = existsSync(CHROMIUM) || process.env.HUB_REQUIRE_CHROMIUM === '1';
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A page of the harness in a browser, and what it must not do. */
export interface OpenPage {
  page: Page;
  /** Console errors, exceptions, and requests to any other host. */
  complaints: string[];
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ARGS });
}

/** Opens the address, and waits until it shows what the harness had. */
export async function open(context: BrowserContext, address: string): Promise<OpenPage> {
  const page = await context.newPage();
  const complaints: string[] = [];
  const { host } = new URL(address);
  page.on('console', (message) => message.type() === 'error' && complaints.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.host !== host && url.protocol !== 'data:') complaints.push(`a request to ${url.host}`);
  });
  await page.goto(address);
  await page.locator('body[data-ready]').waitFor();
  return { page, complaints };
}
