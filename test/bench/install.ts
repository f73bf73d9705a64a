import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readDebFiles } from './cost/deb-files.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MB = 1024 * 1024;
/** Of the package, MB; hubs download it over mobile networks. */
const PACKAGE_TARGET_MB = 45;

const USAGE = `usage: npm run bench -- install [--json] [--deb FILE]

Size of the Debian package and of what it installs, part by part. Makes the package of this machine's architecture, or reads FILE.
`;

const say = (line: string) => process.stdout.write(`${line}\n`);
const mb = (bytes: number) => Math.round((bytes / MB) * 100) / 100;

/** The part that a file belongs to, for a reader. */
function partOf(path: string): string {
  const name = path.split('/').at(-1)!;
  if (/^part-.*\.cjs$/.test(name)) return 'modules that are loaded when needed (part-*.cjs)';
  return path.startsWith('usr/lib/hub-agent/') && /^(node|.*\.(cjs|node))$/.test(name) ? name : 'unit, schemas, manual, licences';
}

async function makePackage(folder: string): Promise<string> {
  const args = [join(ROOT, 'scripts', 'package', 'main.ts'), '--output', folder];
  execFileSync(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  const name = (await readdir(folder)).find((each) => each.endsWith('.deb'));
  if (name === undefined) throw new Error('no package was made');
  return join(folder, name);
}

/** `npm run bench -- install [--json]`. Resolves with the exit code. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false }, deb: { type: 'string' } },
  });
  if (values.help) {
    say(USAGE);
    return 0;
  }
  const folder = await mkdtemp(join(tmpdir(), 'hub-package-'));
  try {
    const deb = values.deb ?? (await makePackage(folder));
    const files = readDebFiles(deb);
    const parts = new Map<string, number>();
    for (const { path, bytes } of files) parts.set(partOf(path), (parts.get(partOf(path)) ?? 0) + bytes);
    const sorted = [...parts].sort(([, a], [, b]) => b - a);
    const packageMB = mb((await stat(deb)).size);
    const installedMB = mb(files.reduce((sum, { bytes }) => sum + bytes, 0));
    say('| installed | MB |');
    say('|---|---:|');
    for (const [part, bytes] of sorted) say(`| ${part} | ${mb(bytes)} |`);
    say(`package: ${packageMB} MB (target ${PACKAGE_TARGET_MB}); installed: ${installedMB} MB`);
    if (values.json) {
      const named = sorted.map(([part, bytes]) => ({ part, installedMB: mb(bytes) }));
      say(JSON.stringify({ packageMB, installedMB, parts: named }));
    }
    return packageMB <= PACKAGE_TARGET_MB ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
