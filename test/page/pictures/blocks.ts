import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';

/** A picture as the mean luminance of its blocks, one character each: rows of `ABC…/`, dark to light, in 64 steps. */
export type Blocks = readonly string[];

/** Pixels on a side. */
const BLOCK = 40;
const STEPS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Runs in a browser, which can read a picture: `PICTURE` becomes its bytes. Luminance is that of Rec. 709 without its gamma. */
const READ = `(async () => {
  const bytes = Uint8Array.from(atob('PICTURE'), (character) => character.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const rows = [];
  for (let top = 0; top < height; top += ${BLOCK}) {
    let row = '';
    for (let left = 0; left < width; left += ${BLOCK}) {
      let sum = 0;
      let count = 0;
      for (let y = top; y < Math.min(height, top + ${BLOCK}); y += 1) {
        for (let x = left; x < Math.min(width, left + ${BLOCK}); x += 1) {
          const at = (y * width + x) * 4;
          sum += data[at] * 0.2126 + data[at + 1] * 0.7152 + data[at + 2] * 0.0722;
          count += 1;
        }
      }
      row += '${STEPS}'[Math.min(63, Math.floor((sum / count / 256) * 64))];
    }
    rows.push(row);
  }
  return rows;
})()`;

/** Reads a PNG. */
export async function blocksOf(browser: Browser, png: Buffer): Promise<Blocks> {
  const page = await browser.newPage();
  try {
    return await page.evaluate<string[]>(READ.replace('PICTURE', png.toString('base64')));
  } finally {
    await page.close();
  }
}

/** How two pictures differ. */
export interface Difference {
  /** Mean over all blocks, steps of 64. */
  mean: number;
  /** Share of blocks that differ by more than an eighth of the whole range. */
  otherShare: number;
}
const MUCH = 8;

/** Compares what both have; a row or column that only one has counts as wholly different. */
export function difference(one: Blocks, other: Blocks): Difference {
  const height = Math.max(one.length, other.length);
  let [count, sum, much] = [0, 0, 0];
  for (let y = 0; y < height; y += 1) {
    const [a = '', b = ''] = [one[y], other[y]];
    for (let x = 0; x < Math.max(a.length, b.length); x += 1) {
      const [from, to] = [STEPS.indexOf(a[x] ?? ''), STEPS.indexOf(b[x] ?? '')];
      const steps = x < a.length && x < b.length ? Math.abs(from - to) : STEPS.length - 1;
      count += 1;
      sum += steps;
      if (steps > MUCH) much += 1;
    }
  }
  return { mean: sum / count, otherShare: much / count };
}

/** Pictures of the repository: a heading with a name, and rows, for each. */
export function readPictures(file: URL): Map<string, Blocks> {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return new Map(
    text
      .split(/^# /m)
      .slice(1)
      .map((part) => {
        const [name = '', ...rows] = part.trimEnd().split('\n');
        return [name, rows];
      }),
  );
}

export function writePicture(file: URL, name: string, blocks: Blocks): void {
  const all = readPictures(file).set(name, blocks);
  writeFileSync(file, [...all].map(([each, rows]) => `# ${each}\n${rows.join('\n')}\n`).join(''));
}
