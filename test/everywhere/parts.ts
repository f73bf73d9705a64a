import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { access, chmod, constants, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';

export const REPOSITORY = resolve(import.meta.dirname, '../..');
/** Kept between runs: other versions of Node, and the output of the runs. */
export const CACHE = join(REPOSITORY, '.cache/everywhere');

/** What is neither tested nor needed for it; some of it is gigabytes. */
const LEFT_OUT = new Set(['.git', '.cache', 'dist', 'batch']);

/** The caller's PATH: npm puts the checkout's own programs before it, Node among them. */
export const OUTER_PATH = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter);

const run = promisify(execFile);

/** npm's own program, to be run by any Node. @throws Error when this was not started by npm. */
export function npmProgram(): string {
  const program = process.env.npm_execpath;
  if (!program) throw new Error('start it with npm: npm run test:everywhere');
  return program;
}

/** A folder that is removed at the end, with everything in it. The name is short: the path of a socket in it has 107 bytes at most (unix(7)). */
export async function temporaryFolder(name: string): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), `${name}-`));
  // As /tmp: what a test makes in it is closed to others by its own mode alone.
  await chmod(path, 0o755);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Copies the checkout with its installed packages, and gives the copy to a user. */
export async function copyCheckout(to: string, owner?: { uid: number; gid: number }): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(REPOSITORY)) {
    if (LEFT_OUT.has(name)) continue;
    await cp(join(REPOSITORY, name), join(to, name), { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
  }
  // What a run left behind would belong to the other user.
  await rm(join(to, 'node_modules/.cache'), { recursive: true, force: true });
  if (owner) await run('chown', ['-R', `${owner.uid}:${owner.gid}`, to]);
}

/** The first person of this machine, or `nobody`. */
export async function normalUser(): Promise<{ name: string; uid: number; gid: number }> {
  const users = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
  const user = users.find(({ uid }) => uid >= 1_000 && uid < 60_000) ?? users.find(({ name }) => name === 'nobody');
  if (!user) throw new Error('/etc/passwd has neither a person nor nobody: add one with useradd');
  return user;
}

/** A Node of another major version from the npm registry; resolves with the folder of its programs. */
export async function fetchNode(major: number): Promise<string> {
  const folder = join(CACHE, `node-${major}`);
  const bin = join(folder, 'node_modules/node/bin');
  const version = () =>
    run(join(bin, 'node'), ['--version']).then(
      ({ stdout }) => stdout.trim(),
      () => null,
    );
  if (!(await version())?.startsWith(`v${major}.`)) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, allowScripts: { node: true } }));
    await run('npm', ['install', '--no-audit', '--no-fund', `node@${major}`], { cwd: folder });
  }
  if (!(await version())?.startsWith(`v${major}.`)) throw new Error(`${bin} is not Node ${major}: remove ${folder} and try again`);
  return bin;
}

/** A folder with links to all programs of this machine but some. */
export async function programsWithout(folder: string, isLeftOut: (name: string) => boolean): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const from of OUTER_PATH.split(delimiter)) {
    for (const name of await readdir(from).catch(() => [])) {
      if (isLeftOut(name)) continue;
      // The first of a name counts, as in PATH.
      await symlink(join(from, name), join(folder, name)).catch(() => {});
    }
  }
}

/** Writes programs of the shell into a folder that comes first in PATH. */
export async function writePrograms(folder: string, programs: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(programs)) await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

/** Keeps every core busy, twice over, until it is disposed of. */
export function burn(): AsyncDisposable {
  const count = 2 * availableParallelism();
  const burners: ChildProcess[] = Array.from({ length: count }, () => spawn(process.execPath, ['-e', 'for(;;);'], { stdio: 'ignore' }));
  const stop = () => {
    for (const burner of burners) burner.kill('SIGKILL');
  };
  process.once('exit', stop);
  return {
    async [Symbol.asyncDispose]() {
      process.removeListener('exit', stop);
      stop();
    },
  };
}

export function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
