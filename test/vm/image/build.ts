import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive } from '../../../scripts/processes.ts';
import { systemPath } from '../host/requirements.ts';
import type { Progress } from '../progress.ts';
import { DEBIAN_PACKAGES, DEBIAN_RELEASE } from './contents.ts';
import { type BuildFolders, bootstrap, extractKernel, furnish, kernelRelease, packInitrd, packRoot, unpack } from './steps.ts';

/** The three files a virtual hub boots from. Nothing ever writes to them. */
export interface HubImage {
  /** What the image was made from, as a hash. */
  key: string;
  folder: string;
  kernel: string;
  initrd: string;
  root: string;
}

export interface BuildDeps {
  /** The cache folder; each image is a folder in it, named after its key. */
  cache: string;
  /** The Node binary that hubs run. */
  node: string;
  /** Node's version: it stands for the binary in the key. */
  nodeVersion: string;
  progress: Progress;
  signal?: AbortSignal;
}

/** Complete images that are kept, the newest first: two branches of work may alternate. */
const KEPT_IMAGES = 3;
const WORK_PREFIX = 'build-';

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** The hash of everything that goes into an image, except for the mirror's current package versions: delete the cache to get newer ones. */
async function imageKey(sources: string, nodeVersion: string): Promise<string> {
  const hash = createHash('sha256').update(`${process.arch} ${nodeVersion}\n`);
  for (const file of await filesBelow(sources)) {
    const { mode } = await stat(file);
    const content = await readFile(file);
    hash.update(`${file.slice(sources.length)} ${mode & 0o111} ${content.length}\n`).update(content);
  }
  return hash.digest('hex').slice(0, 16);
}

/** The packages alone are most of a build's time, and seldom change. */
function baseName(): string {
  const contents = `${process.arch} ${DEBIAN_RELEASE} ${DEBIAN_PACKAGES.join(' ')}`;
  return `base-${createHash('sha256').update(contents).digest('hex').slice(0, 16)}.tar`;
}

function imageIn(folder: string, key: string): HubImage {
  return { key, folder, kernel: join(folder, 'vmlinux'), initrd: join(folder, 'initrd'), root: join(folder, 'root.ext4') };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Removes what killed builds left, and old images beyond those kept. */
async function tidy(cache: string, key: string): Promise<void> {
  const images: { path: string; at: number }[] = [];
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    if (name.startsWith(WORK_PREFIX)) {
      if (!isAlive(Number(name.split('-')[1]))) await rm(path, { recursive: true, force: true });
    } else if (/^base-.*\.tar$/.test(name) && name !== baseName()) {
      await rm(path, { force: true });
    } else if (/^[0-9a-f]{16}$/.test(name) && name !== key) {
      const at = await stat(path).then(
        (found) => found.mtimeMs,
        () => 0,
      );
      images.push({ path, at });
    }
  }
  images.sort((a, b) => b.at - a.at);
  for (const image of images.slice(KEPT_IMAGES - 1)) await rm(image.path, { recursive: true, force: true });
}

async function build(deps: BuildDeps, sources: string, work: string, target: HubImage): Promise<void> {
  const { progress, signal } = deps;
  const options = { env: { ...process.env, PATH: systemPath(), LC_ALL: 'C' }, ...(signal ? { signal } : {}) };
  const ownership = process.getuid?.() === 0 ? null : join(work, 'ownership');
  if (ownership !== null) await writeFile(ownership, '');
  const folders: BuildFolders = { work, tree: join(work, 'tree'), kernel: join(work, 'kernel'), ownership };
  const made = imageIn(join(work, 'image'), target.key);
  await mkdir(made.folder);
  const tar = join(deps.cache, baseName());
  if (!(await exists(tar))) {
    const fresh = join(work, 'base.tar');
    await progress.step('Debian packages and kernel (network)', () => bootstrap(fresh, options));
    await rename(fresh, tar);
  }
  await progress.step('unpack', () => unpack(folders, tar, options));
  const release = await kernelRelease(folders);
  await progress.step(`kernel ${release}`, () => extractKernel(folders, release, made.kernel, options));
  await progress.step(`modules, Node ${deps.nodeVersion}, units`, () =>
    furnish(folders, release, join(sources, 'root'), deps.node, options),
  );
  await progress.step('initrd', () => packInitrd(folders, release, join(sources, 'initrd/init'), made.initrd, options));
  await progress.step('root disk', () => packRoot(folders, made.root, options));
  await rename(made.folder, target.folder).catch(async (error: NodeJS.ErrnoException) => {
    // A build beside this one was sooner; its image is as good.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
}

/**
 * The image for the sources as they are, from the cache or built now. A build happens in a folder of its own and appears by a rename, so it
 * may be killed at any time and two may run at once.
 */
export async function ensureImage(deps: BuildDeps): Promise<HubImage> {
  const sources = import.meta.dirname;
  await mkdir(deps.cache, { recursive: true });
  const key = await imageKey(sources, deps.nodeVersion);
  const image = imageIn(join(deps.cache, key), key);
  await tidy(deps.cache, key);
  if (await exists(image.folder)) return image;
  const work = await mkdtemp(join(deps.cache, `${WORK_PREFIX}${process.pid}-`));
  try {
    await chmod(work, 0o755);
    await build(deps, sources, work, image);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return image;
}
