import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium, open } from './browser.ts';
import { ARTEFACTS, createPageWorld, type PageWorld, panel, SIZES, THEMES } from './world.ts';

/** A panel's heading, its left edge and its width, pixels. */
type Place = [title: string, x: number, width: number];
/** Where the panels stand at each size; heights follow the machine's fonts. `HUB_WRITE_LAYOUT=1` writes it anew. */
const LAYOUT = new URL('./layout.json', import.meta.url);
const PLACES = `[...document.querySelectorAll('.panel')].map((panel) => {
  const { x, width } = panel.getBoundingClientRect();
  return [panel.querySelector('h2').textContent, Math.round(x), Math.round(width)];
})`;
/** A scroll bar may take its room, or none. */
const LOOSELY_PIXELS = 16;

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string }[];
}

describe.skipIf(!hasChromium)('how the page looks', () => {
  let world: PageWorld;
  beforeAll(async () => {
    world = await createPageWorld();
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const every = THEMES.flatMap((theme) => SIZES.map(([width, height]) => ({ theme, width, height })));

  test.each(every)(
    '$theme, $width x $height: all there, nothing beside the screen, and axe finds nothing serious',
    async ({ theme, width, height }) => {
      const context = await world.context({ theme, width, height });
      const { page, complaints } = await open(context, world.address);
      await panel(page, 'Nodes').getByText('6 of 6 available').waitFor();
      await page.screenshot({ path: join(ARTEFACTS, `${theme}-${width}x${height}.png`), fullPage: true });

      const size = `${width}x${height}`;
      const places = await page.evaluate<Place[]>(PLACES);
      if (process.env.HUB_WRITE_LAYOUT === '1') writeLayout(size, places);
      expect(places.map(([title]) => title)).toEqual(layout()[size]!.map(([title]) => title));
      for (const [index, [title, x, panelWidth]] of layout()[size]!.entries()) {
        const [, isX, isWidth] = places[index]!;
        expect(Math.max(Math.abs(isX - x), Math.abs(isWidth - panelWidth)), `${title}: ${isX}, ${isWidth}`).toBeLessThan(LOOSELY_PIXELS);
      }

      const { scrollWidth, background } = await page.evaluate<{ scrollWidth: number; background: string }>(
        '({ scrollWidth: document.documentElement.scrollWidth, background: getComputedStyle(document.body).backgroundColor })',
      );
      expect(scrollWidth).toBeLessThanOrEqual(width);
      const brightness =
        background
          .match(/\d+/g)!
          .slice(0, 3)
          .reduce((sum, part) => sum + Number(part), 0) / 765;
      expect(brightness > 0.5).toBe(theme === 'light');

      // By the debugger: the page's own policy lets no other script in.
      await page.evaluate(axe.source);
      const violations = await page.evaluate<Violation[]>('axe.run().then(({ violations }) => violations)');
      const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      expect(serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 160))])).toEqual([]);
      expect(complaints).toEqual([]);
      await context.close();
    },
  );

  test('with less motion wanted nothing moves by itself', async () => {
    const context = await world.context();
    const { page } = await open(context, world.address);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    const moving = await page.evaluate<number>('document.getAnimations().length');
    expect(moving).toBe(0);
    await context.close();
  });
});

const layout = () => JSON.parse(readFileSync(LAYOUT, 'utf8')) as Record<string, Place[]>;

function writeLayout(size: string, places: Place[]): void {
  const lines = Object.entries({ ...layout(), [size]: places }).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  writeFileSync(LAYOUT, `{\n${lines.join(',\n')}\n}\n`);
}
