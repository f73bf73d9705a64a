import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { type DemoProcess, startDemo } from '../hil/rig/demo-process.ts';
import { launch } from './browser.ts';

/** What takes a hub and a busy machine long. */
export const PATIENCE_MS = 90_000;
/** Pictures of the last run, for people to look at; not in the repository. */
export const ARTEFACTS = fileURLToPath(new URL('../../node_modules/.cache/hub-page/', import.meta.url));

/** What the page is looked at with: a telephone, a small and a usual screen, one on a wall. */
export const SIZES: readonly (readonly [width: number, height: number])[] = [
  [360, 800],
  [1024, 768],
  [1440, 900],
  [2560, 1440],
];
export const THEMES = ['light', 'dark'] as const;

/** The demo with its page, and a browser beside it. */
export interface PageWorld extends AsyncDisposable {
  readonly demo: DemoProcess;
  readonly address: string;
  readonly browser: Browser;
  /** A fresh profile; `theme` and size as asked. */
  context(options?: { theme?: 'light' | 'dark'; width?: number; height?: number }): Promise<BrowserContext>;
}

export const addressIn = (output: string): string => /http:\/\/127\.0\.0\.1:\d+\/\?token=\S+/.exec(output)![0];

/** Starts both, with the demo's own tour over. */
export async function createPageWorld(): Promise<PageWorld> {
  await using opened = new AsyncDisposableStack();
  await mkdir(ARTEFACTS, { recursive: true });
  const demo = opened.use(await startDemo('--port', '0'));
  await demo.untilPrinted('The hub, live');
  const browser = await launch();
  opened.defer(() => browser.close());
  const closing = opened.move();
  return {
    demo,
    address: addressIn(demo.out()),
    browser,
    async context({ theme = 'light', width = 1440, height = 900 } = {}) {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme });
      context.setDefaultTimeout(PATIENCE_MS);
      return context;
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** A panel by its heading. */
export const panel = (page: Page, title: string): Locator => page.getByRole('region', { name: title, exact: true });

/** Saves the run as a person does; resolves with the file's path. */
export async function saveRun(page: Page, name: string): Promise<string> {
  const waiting = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Save this run' }).click();
  const path = join(ARTEFACTS, name);
  await (await waiting).saveAs(path);
  return path;
}

export const textOf = (path: string): string => gunzipSync(readFileSync(path)).toString('utf8');
