import { execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { COMMANDS } from '../agent/hubctl/cli/hubctl.ts';
import { CHECK_NAMES } from '../agent/hubctl/doctor/names.ts';
import { version } from '../agent/system/version.ts';
import { bundleInParts, COMMON } from './bundle/parts.ts';
import { nativeModules, withoutUnused } from './bundle/plugins.ts';
import { bashCompletion } from './hubctl/completion.ts';
import { manPage } from './hubctl/man.ts';

/** Debian's words for the architectures that a hub may have, with the names of their prebuilt native modules. 32-bit ARM is missing: aws-crt
 * ships no binary for it. */
const ARCHITECTURES: Readonly<Record<string, { node: string; serialport: string }>> = {
  amd64: { node: 'x64', serialport: 'glibc' },
  arm64: { node: 'arm64', serialport: 'armv8.glibc' },
};
const ROOT = fileURLToPath(new URL('..', import.meta.url));

const USAGE = `usage: npm run build [-- --arch amd64|arm64]

Bundles the agent into dist/<arch>: hub-agent.cjs with its parts, hubctl.cjs and the native modules of that architecture. Needs nothing but
Node to run:
  node dist/<arch>/hub-agent.cjs --help
`;

/** When the sources were last changed: the same commit gives the same bytes (reproducible-builds.org, SOURCE_DATE_EPOCH). */
function sourceDateMs(): number {
  if (process.env.SOURCE_DATE_EPOCH) return Number(process.env.SOURCE_DATE_EPOCH) * 1000;
  try {
    return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: ROOT, encoding: 'utf8' })) * 1000;
  } catch {
    return Date.now();
  }
}

/** hubctl(1) and the completion, from the same table that hubctl works from. */
async function writeManual(staging: string): Promise<void> {
  await mkdir(join(staging, 'completions'));
  await writeFile(join(staging, 'hubctl.1'), manPage(COMMANDS, version, new Date(sourceDateMs()).toISOString().slice(0, 10)));
  await writeFile(join(staging, 'completions', 'hubctl.bash'), bashCompletion(COMMANDS, CHECK_NAMES));
}

async function bundle(arch: string): Promise<string> {
  const names = ARCHITECTURES[arch];
  if (!names) throw new Error(`--arch ${arch}: choose ${Object.keys(ARCHITECTURES).join(' or ')}.`);
  const target = join(ROOT, 'dist', arch);
  const staging = `${target}.new`;
  await rm(staging, { recursive: true, force: true });
  await mkdir(join(staging, 'native'), { recursive: true });
  const shared = {
    define: {
      __HUB_AGENT_BUILT_AT_MS__: String(sourceDateMs()),
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
    },
    plugins: [nativeModules(), withoutUnused()],
    outdir: staging,
  };
  await bundleInParts({ ...shared, entryPoints: { 'hub-agent': join(ROOT, 'agent', 'main.ts') } });
  await build({
    ...COMMON,
    ...shared,
    // What a person types must start at once, and needs neither the SDK nor the serial ports. The worker is the agent's thread for node-wifi.
    entryPoints: {
      hubctl: join(ROOT, 'agent', 'hubctl.ts'),
      'hub-updater': join(ROOT, 'agent', 'updater.ts'),
      'node-wifi-worker': join(ROOT, 'agent', 'wifi', 'survey', 'node-wifi-worker.ts'),
      // Without the library: a hub with Zigbee has that from a package of its own.
      'zigbee-host': join(ROOT, 'agent', 'nodes', 'zigbee', 'host', 'main.ts'),
    },
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
  });
  await writeManual(staging);
  const natives: [string, string][] = [
    [`aws-crt/dist/bin/linux-${names.node}-glibc/aws-crt-nodejs.node`, 'aws-crt.node'],
    [`@serialport/bindings-cpp/prebuilds/linux-${names.node}/@serialport+bindings-cpp.${names.serialport}.node`, 'serialport.node'],
  ];
  for (const [from, to] of natives) {
    await copyFile(join(ROOT, 'node_modules', from), join(staging, 'native', to));
    await chmod(join(staging, 'native', to), 0o644);
  }
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  await writeFile(join(staging, 'VERSION'), `${manifest.version}\n`);
  await rm(target, { recursive: true, force: true });
  await rename(staging, target);
  return target;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { arch: { type: 'string', default: process.arch === 'arm64' ? 'arm64' : 'amd64' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) return void process.stdout.write(USAGE);
  const target = await bundle(values.arch);
  const sizes = ['hub-agent.cjs', 'hubctl.cjs'].map(
    async (name) => `${name} ${((await stat(join(target, name))).size / 1024 / 1024).toFixed(2)} MB`,
  );
  process.stdout.write(`${target}: ${(await Promise.all(sizes)).join(', ')}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`build: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
