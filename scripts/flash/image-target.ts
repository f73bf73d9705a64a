import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { syncPath } from '../../agent/system/files.ts';
import { runDebugfs } from './debugfs.ts';
import { privateFolder, renameSynced } from './durable.ts';
import { HUB_FOLDER, type HubFile, STATE_FOLDER } from './hub-files.ts';
import { Refused } from './problems.ts';
import { PRIVATE_FOLDER, type Target } from './targets.ts';

export interface ImageTargetOptions {
  /** The batch's folder. */
  output: string;
  /** The image that is copied for each hub. */
  base: string;
  /** Where the file system begins, in bytes: 0 for an image without partitions. */
  offset: number;
  /** The path of debugfs. */
  debugfs: string;
}

/** An image holds the hub's key. */
const PRIVATE_IMAGE = 0o600;
const S_IFREG = 0o100_000;
const S_IFDIR = 0o040_000;

/**
 * An image a hub: a copy of the base image with the hub's files written into its ext2, ext3 or ext4 file system by debugfs, without mounting and
 * without root. @throws Refused for a base that is no such file system, or that has run as a hub: every copy would be that hub's double
 */
export async function openImageTarget({ output, base, offset, debugfs }: ImageTargetOptions): Promise<Target> {
  const place = (hubId: string) => join(output, 'hubs', `${hubId}.img`);
  const fileSystem = (path: string) => (offset === 0 ? path : `${path}?offset=${offset}`);
  await checkBase(debugfs, fileSystem(base), base);
  return {
    place,
    occupant: () => Promise.resolve(null),
    // What is inside is known from the record: reading a thousand images back would take longer than writing them.
    has: (hubId) =>
      stat(place(hubId)).then(
        (found) => found.isFile(),
        () => false,
      ),
    async write(hubId, files) {
      const staging = join(output, 'hubs', `.${hubId}.img.new`);
      await privateFolder(join(output, 'hubs'));
      await rm(staging, { force: true });
      await copyFile(base, staging, constants.COPYFILE_FICLONE);
      // The copy has the mode of the base, which every user may read; what comes next is secret.
      await chmod(staging, PRIVATE_IMAGE);
      // Beside the image and not in a shared folder: a key that a crash leaves behind is found and removed by the next run.
      const folder = join(output, 'hubs', `.${hubId}.files`);
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { mode: 0o700 });
      try {
        for (const { name, data } of files) await writeFile(join(folder, name), data, { mode: 0o600 });
        const { lastWords } = await runDebugfs(debugfs, ['-w', '-f', '-', fileSystem(staging)], commandsFor(files), folder);
        await verify(debugfs, fileSystem(staging), files, folder, lastWords);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
      await syncPath(staging);
      await renameSynced(staging, place(hubId));
    },
  };
}

/** Names in a folder of an image; none when there is no such folder. */
async function namesIn(debugfs: string, image: string, folder: string): Promise<{ names: string[]; lastWords: string }> {
  const { output, lastWords } = await runDebugfs(debugfs, ['-f', '-', image], [`ls -p /${folder}`]);
  // /inode/mode/uid/gid/name/size/
  const names = [...output.matchAll(/^\/\d+\/\d+\/\d+\/\d+\/([^/]+)\/\d*\/$/gm)].map((match) => match[1]!);
  return { names: names.filter((name) => !['.', '..', 'lost+found'].includes(name)), lastWords };
}

async function checkBase(debugfs: string, image: string, base: string): Promise<void> {
  const refuse = (message: string, remedy: string): never => {
    throw new Refused([{ row: null, field: '--image', message, remedy }]);
  };
  const { names: all, lastWords } = await namesIn(debugfs, image, '');
  if (all.length === 0 && lastWords !== '') {
    refuse(`${base} has no ext2, ext3 or ext4 file system there${lastWords}`, 'Check the file and --offset.');
  }
  const { names: state } = await namesIn(debugfs, image, STATE_FOLDER);
  const { names: own } = await namesIn(debugfs, image, HUB_FOLDER);
  const used = state.length > 0 ? STATE_FOLDER : own.some((name) => name.startsWith('credentials')) ? `${HUB_FOLDER}/credentials` : null;
  if (used !== null) {
    refuse(`${base} has run as a hub: its /${used} is not empty`, 'Take a base image in which the agent was never started.');
  }
}

function commandsFor(files: readonly HubFile[]): string[] {
  const mode = (path: string, bits: number) => [
    `set_inode_field ${path} mode 0${bits.toString(8)}`,
    `set_inode_field ${path} uid 0`,
    `set_inode_field ${path} gid 0`,
  ];
  const folders = ['etc', HUB_FOLDER].map((path) => `mkdir /${path}`);
  return [
    ...folders,
    ...mode(`/${HUB_FOLDER}`, S_IFDIR | PRIVATE_FOLDER),
    ...files.flatMap((file) => {
      const path = `/${HUB_FOLDER}/${file.name}`;
      return [`rm ${path}`, `write ${file.name} ${path}`, ...mode(path, S_IFREG | file.mode)];
    }),
  ];
}

/**
 * debugfs exits with 0 even after errors, so every file is checked: its size, type, mode and owner, and its bytes, for a file that found no room
 * has its full size all the same. They are read back into `folder`, which no other user may enter.
 */
async function verify(debugfs: string, image: string, files: readonly HubFile[], folder: string, lastWords: string): Promise<void> {
  const back = (name: string) => `${name}.back`;
  const commands = [`ls -p /${HUB_FOLDER}`, ...files.map(({ name }) => `dump /${HUB_FOLDER}/${name} ${back(name)}`)];
  const { output } = await runDebugfs(debugfs, ['-f', '-', image], commands, folder);
  for (const { name, mode, data } of files) {
    // /inode/mode/uid/gid/name/size/
    const wanted = `/${(S_IFREG | mode).toString(8)}/0/0/${name}/${data.length}/`;
    const found = await readFile(join(folder, back(name))).catch(() => null);
    if (!output.includes(wanted) || !found?.equals(data)) {
      throw new Error(`${name} did not get into the image${lastWords}. Check that its file system has room and is whole (e2fsck).`);
    }
  }
}
