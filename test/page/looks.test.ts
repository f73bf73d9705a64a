import { join } from 'node:path';
import axe from 'axe-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium, open } from './browser.ts';
import { ARTEFACTS, createPageWorld, type PageWorld, panel } from './world.ts';

const SIZES: readonly (readonly [number, number])[] = [
  [360, 800],
  [1024, 768],
  [1440, 900],
  [2560, 1440],
];
const THEMES = ['light', 'dark'] as const;
const PANELS = [
  'Hub',
  'What a hub promises',
  'Break something',
  'What the hub did about it',
  'Traffic',
  'Nodes',
  'Rates and times',
  'Log and trace',
];

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
      for (const title of PANELS) await panel(page, title).waitFor();
      await page.screenshot({ path: join(ARTEFACTS, `${theme}-${width}x${height}.png`), fullPage: true });

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
