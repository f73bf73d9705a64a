import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { keyLines, makeBatch, makeImage, readImage, recorded, runFlash } from './flash/batch.ts';

const DEFAULT_HUBS = 1_000;

/** Flashes a batch into images, killed in the middle and run again: none double, none missing, nothing secret said. Prints the rate. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      hubs: { type: 'string', default: String(DEFAULT_HUBS) },
      folders: { type: 'boolean', default: false },
      json: { type: 'boolean' },
    },
  });
  const hubs = Number(values.hubs);
  const folder = await mkdtemp(join(tmpdir(), 'flash-bench-'));
  try {
    process.stderr.write(`${hubs} certificates\n`);
    const batch = await makeBatch(folder, hubs);
    const base = join(folder, 'base.img');
    if (!values.folders) await makeImage(base);
    const common = ['--manifest', batch.manifest, '--output', batch.output, '--config', batch.config];
    const flashArgs = values.folders ? common : [...common, '--image', base];

    process.stderr.write('first run, to be killed in the middle\n');
    const killed = await runFlash(flashArgs, async () => (await recorded(batch.output)).length >= hubs / 2);
    const before = (await recorded(batch.output)).length;
    process.stderr.write(`killed with ${before} done; second run\n`);
    const second = await runFlash(flashArgs);
    process.stderr.write('third run, with nothing to do\n');
    const third = await runFlash(flashArgs);

    const names = (await readdir(join(batch.output, 'hubs'))).sort();
    const found = new Set<string>();
    let wrong = 0;
    for (const name of names) {
      const path = join(batch.output, 'hubs', name);
      const { hubId, keyMode } = values.folders
        ? { hubId: JSON.parse(await readFile(join(path, 'etc/hub-agent/identity.json'), 'utf8')).hubId as string, keyMode: '100600' }
        : await readImage(path);
      if (!name.startsWith(hubId) || keyMode !== '100600') wrong += 1;
      found.add(hubId);
    }
    const said =
      [killed, second, third].map(({ stdout, stderr }) => stdout + stderr).join('') +
      (await readFile(join(batch.output, 'report.json'), 'utf8'));
    const { stdout: blocks } = await promisify(execFile)('du', ['-sk', join(batch.output, 'hubs')]);
    const figures = {
      hubs,
      doneWhenKilled: before,
      second: JSON.parse(second.stdout.trim().split('\n').at(-1)!),
      third: JSON.parse(third.stdout.trim().split('\n').at(-1)!),
      outputs: names.length,
      missing: batch.hubIds.filter((hubId) => !found.has(hubId)).length,
      double: names.length - found.size,
      wrong,
      secretsSaid: (await keyLines(batch)).filter((line) => said.includes(line)).length,
      kibibytes: Number.parseInt(blocks, 10),
    };
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    const isWell = figures.missing + figures.double + wrong + figures.secretsSaid === 0 && second.exitCode + third.exitCode === 0;
    return isWell && before < hubs && figures.third.unchanged === hubs ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
