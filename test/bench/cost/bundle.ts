import { execFileSync } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { nativeModules } from '../../../scripts/bundle/plugins.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const ARCH = process.arch === 'arm64' ? 'arm64' : 'amd64';

/** The folder of the built bundle: builds it anew. */
export function buildBundle(): string {
  execFileSync(process.execPath, [join(ROOT, 'scripts', 'build.ts')], { stdio: ['ignore', 'ignore', 'inherit'] });
  return join(ROOT, 'dist', ARCH);
}

/** Bundles the floor into a folder, as the agent is bundled. Resolves with the program's path. */
export async function buildFloor(folder: string): Promise<string> {
  const outfile = join(folder, 'floor.cjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'floor-program.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [nativeModules()],
  });
  await cp(join(ROOT, 'dist', ARCH, 'native', 'aws-crt.node'), join(folder, 'native', 'aws-crt.node'));
  return outfile;
}
