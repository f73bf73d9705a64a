import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { privateFolder, renameSynced, replaceFile, syncPath, writeSynced } from './durable.ts';
import { HUB_FOLDER, type HubFile, LAST_FILE } from './hub-files.ts';

/** Where a hub's files go. A hub is there as a whole or not at all, whenever the power goes. */
export interface Target {
  /** Its name in the report. */
  place(hubId: string): string;
  /** False when something else is there, or nothing. */
  has(hubId: string, files: readonly HubFile[]): Promise<boolean>;
  write(hubId: string, files: readonly HubFile[]): Promise<void>;
  /** The hub that is there in its stead; null when there is none. */
  occupant(hubId: string): Promise<string | null>;
}

const PRIVATE_FOLDER = 0o750;
/** An image holds the hub's key. */
const PRIVATE_IMAGE = 0o600;

/** A folder a hub, to be copied or unpacked over its root. */
export function folderTarget(output: string): Target {
  const place = (hubId: string) => join(output, 'hubs', hubId);
  return {
    place,
    has: (hubId, files) => holds(join(place(hubId), HUB_FOLDER), files),
    occupant: () => Promise.resolve(null),
    async write(hubId, files) {
      await privateFolder(join(output, 'hubs'));
      const staging = join(output, 'hubs', `.${hubId}.new`);
      await rm(staging, { recursive: true, force: true });
      const folder = join(staging, HUB_FOLDER);
      await mkdir(join(folder, '..'), { recursive: true, mode: 0o755 });
      await mkdir(folder, { mode: PRIVATE_FOLDER });
      for (const { name, mode, data } of files) await writeSynced(join(folder, name), data, mode);
      await syncPath(folder);
      await rm(place(hubId), { recursive: true, force: true });
      await renameSynced(staging, place(hubId));
    },
  };
}

/** The mounted root of one hub. Its last file makes it a hub; it goes first when another hub takes its place. */
export function rootTarget(root: string): Target {
  const folder = join(root, HUB_FOLDER);
  return {
    place: () => root,
    has: (_, files) => holds(folder, files),
    async occupant(hubId) {
      const text = await readFile(join(folder, LAST_FILE), 'utf8').catch(() => null);
      if (text === null) return null;
      const found = /"hubId":\s*"([^"]*)"/.exec(text)?.[1] ?? 'an unknown hub';
      return found === hubId ? null : found;
    },
    async write(_, files) {
      await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
      await rm(join(folder, LAST_FILE), { force: true });
      for (const { name, mode, data } of files) await replaceFile(join(folder, name), data, mode);
    },
  };
}

async function holds(folder: string, files: readonly HubFile[]): Promise<boolean> {
  for (const { name, mode, data } of files) {
    const path = join(folder, name);
    const there = await readFile(path).catch(() => null);
    if (!there?.equals(data) || ((await stat(path)).mode & 0o777) !== mode) return false;
  }
  return true;
}

/** Runs a program with its input. @throws Error with what it said. */
function run(program: string, args: string[], input: string, cwd?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { cwd }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program}: ${stderr.trim() || error.message}`));
      else resolve(stdout + stderr);
    });
    child.stdin!.end(input);
  });
}

const S_IFREG = 0o100_000;
const S_IFDIR = 0o040_000;

/**
 * An image a hub: a copy of the base image with the hub's files written into its ext2, ext3 or ext4 file system by debugfs, without mounting and
 * without root. `offset` is where the file system begins, in bytes: 0 for an image without partitions.
 */
export function imageTarget(output: string, base: string, offset: number): Target {
  const place = (hubId: string) => join(output, 'hubs', `${hubId}.img`);
  const fileSystem = (path: string) => (offset === 0 ? path : `${path}?offset=${offset}`);
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
      // The copy has the mode of the base, which everybody may read; what comes next is secret.
      await chmod(staging, PRIVATE_IMAGE);
      // Beside the image and not in a shared folder: a key that a crash leaves behind is found and removed by the next run.
      const folder = join(output, 'hubs', `.${hubId}.files`);
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { mode: 0o700 });
      try {
        const commands = ['etc', HUB_FOLDER].map((path) => `mkdir /${path}`);
        const mode = (path: string, bits: number) => [
          `set_inode_field ${path} mode 0${bits.toString(8)}`,
          `set_inode_field ${path} uid 0`,
          `set_inode_field ${path} gid 0`,
        ];
        commands.push(...mode(`/${HUB_FOLDER}`, S_IFDIR | PRIVATE_FOLDER));
        for (const file of files) {
          await writeFile(join(folder, file.name), file.data, { mode: 0o600 });
          const path = `/${HUB_FOLDER}/${file.name}`;
          commands.push(`rm ${path}`, `write ${file.name} ${path}`, ...mode(path, S_IFREG | file.mode));
        }
        await run('debugfs', ['-w', '-f', '-', fileSystem(staging)], `${commands.join('\n')}\n`, folder);
        await verify(fileSystem(staging), files);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
      await syncPath(staging);
      await renameSynced(staging, place(hubId));
    },
  };
}

/** debugfs ends with 0 whatever went wrong, so every file is looked at: its size, type, mode and owner. */
async function verify(image: string, files: readonly HubFile[]): Promise<void> {
  const listing = await run('debugfs', ['-f', '-', image], `ls -p /${HUB_FOLDER}\n`);
  for (const { name, mode, data } of files) {
    // /inode/mode/uid/gid/name/size/
    const wanted = `/${(S_IFREG | mode).toString(8)}/0/0/${name}/${data.length}/`;
    if (!listing.includes(wanted)) throw new Error(`${name} did not get into the image: is it an ext4 file system with room?`);
  }
}
