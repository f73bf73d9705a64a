import { execFileSync } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { COMMON } from '../../../scripts/bundle/parts.ts';
import { nativeModules } from '../../../scripts/bundle/plugins.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const ARCH = process.arch === 'arm64' ? 'arm64' : 'amd64';

/** The folder of the built bundle: builds it anew. */
export function buildBundle(): string {
  execFileSync(process.execPath, [join(ROOT, 'scripts', 'build.ts')], { stdio: ['ignore', 'ignore', 'inherit'] });
  return join(ROOT, 'dist', ARCH);
}

/** Bundles the floor, or the echo, into a folder, as the agent is bundled. Resolves with the program's path. */
export async function buildFloor(folder: string, program: 'floor' | 'echo' = 'floor'): Promise<string> {
  const outfile = join(folder, `${program}.cjs`);
  await build({
    ...COMMON,
    entryPoints: [join(import.meta.dirname, `${program}-program.ts`)],
    outfile,
    format: 'cjs',
    plugins: [nativeModules()],
  });
  await cp(join(ROOT, 'dist', ARCH, 'native', 'aws-crt.node'), join(folder, 'native', 'aws-crt.node'));
  return outfile;
}
