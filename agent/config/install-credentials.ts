import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import type { Files } from '../system/files.ts';
import { createLinks, type Links } from '../system/links.ts';
import { type CredentialsDeps, checkCredentials } from './credentials.ts';
import { type ConfigProblem, configError } from './problems.ts';

const CERTIFICATE = 'certificate.pem';
const PRIVATE_KEY = 'private-key.pem';
/** A link to the folder of the pair in use: to change the link is to change both files at once. */
const IN_USE = 'credentials';

export interface InstallCredentialsDeps extends Omit<CredentialsDeps, 'files'> {
  files: Files;
  /** The default is the real file system. */
  links?: Links;
}

/** What was done. */
export interface InstalledCredentials {
  /** Folder of the pair now in use. */
  folder: string;
  expiresAt: Date;
}

/** The contents of both files; null for one that does not exist. */
interface Pair {
  certificate: Buffer | null;
  key: Buffer | null;
}

/**
 * Puts the pair `certificate.pem` and `private-key.pem` of a folder in place of the one in `/etc/hub-agent`. The pair is checked first, as at a
 * start; a bad one changes nothing. The change is one rename: whenever a write fails or the power goes, there is the whole old pair or the whole
 * new one. The agent takes the new pair at its next start; the old one stays beside it.
 * @throws HubError `config_invalid` with what is wrong with the new pair, or why it cannot be put in place
 */
export async function installCredentials(from: string, folder: string, deps: InstallCredentialsDeps): Promise<InstalledCredentials> {
  const links = deps.links ?? createLinks();
  // Checked first: a user without the right to write gets that message, not one about reading the new key.
  await explained(folder, () => links.checkWritable(folder));
  const at = (name: string) => ({ path: join(from, name), file: join(from, name), field: '' });
  const checked = await checkCredentials({ certificate: at(CERTIFICATE), privateKey: at(PRIVATE_KEY), ca: null }, deps);
  const blocking: ConfigProblem[] = [...checked.problems, ...checked.warnings];
  if (blocking.length > 0) throw configError(blocking);

  return await explained(folder, async () => {
    // What was validated, and nothing else of the files: they may hold more, or have changed since.
    const { certificate, privateKey } = checked.credentials;
    const next = { certificate: Buffer.from(certificate!), key: Buffer.from(privateKey!.reveal()) };
    const credentials = createCredentialsFolder(folder, deps.files, links);
    await credentials.linkNames();
    const before = await credentials.inUse();
    const name = await credentials.use(next);
    await credentials.removeAllBut([name, before]);
    return { folder: join(folder, name), expiresAt: checked.expiresAt! };
  });
}

async function readPair(folder: string, files: Files): Promise<Pair> {
  return { certificate: await files.read(join(folder, CERTIFICATE)), key: await files.read(join(folder, PRIVATE_KEY)) };
}

const isSame = (one: Buffer | null, other: Buffer | null) => (one && other ? one.equals(other) : one === other);

/** `/etc/hub-agent`: each pair in a folder of its own, `credentials` a link to the one in use, the two names links through that. */
function createCredentialsFolder(folder: string, files: Files, links: Links) {
  /** Name of the folder in use. */
  async function inUse(): Promise<string | null> {
    const target = await links.target(join(folder, IN_USE));
    return target === null ? null : basename(target);
  }

  /** Makes or replaces a symbolic link in one step, on the disk when this resolves. */
  async function link(name: string, target: string): Promise<void> {
    const temporary = join(folder, `${name}.tmp`);
    await files.remove(temporary);
    await links.make(temporary, target);
    await files.rename(temporary, join(folder, name));
  }

  const put = (path: string, data: Buffer | null, mode: number) => (data ? files.writeAtomic(path, data, mode) : files.remove(path));

  /** Writes a pair to a folder of its own and then has it used. */
  async function use(pair: Pair): Promise<string> {
    const before = await inUse();
    const held = await readPair(join(folder, IN_USE), files);
    if (before !== null && isSame(held.certificate, pair.certificate) && isSame(held.key, pair.key)) return before;
    const usual = folderName(pair.certificate ?? '');
    // Two writes into the folder in use would mix two pairs: another process may have written another pair to it, through the links.
    const name = usual === before ? folderName(usual) : usual;
    await links.makeFolder(join(folder, name));
    await put(join(folder, name, PRIVATE_KEY), pair.key, 0o600);
    await put(join(folder, name, CERTIFICATE), pair.certificate, 0o644);
    await link(IN_USE, name);
    return name;
  }

  return {
    inUse,
    use,

    async removeAllBut(keep: readonly (string | null)[]): Promise<void> {
      try {
        for (const name of await files.list(folder)) {
          if (/^credentials-[0-9a-f]{16}$/.test(name) && !keep.includes(name)) await links.removeFolder(join(folder, name));
        }
      } catch {
        // The pair is in place all the same, and the next change of a pair tries again.
      }
    },

    /**
     * Flashing, or a person, puts plain files under the names, also over links. What the names give now becomes the pair in use before a name
     * becomes a link: else a link would bring back the pair that was in use before the plain files.
     */
    async linkNames(): Promise<void> {
      const through = (name: string) => join(IN_USE, name);
      const plain: string[] = [];
      for (const name of [CERTIFICATE, PRIVATE_KEY]) {
        if ((await links.target(join(folder, name))) !== through(name)) plain.push(name);
      }
      if (plain.length === 0) return;
      await use(await readPair(folder, files));
      for (const name of plain) await link(name, through(name));
    },
  };
}

function folderName(of: Buffer | string): string {
  return `credentials-${createHash('sha256').update(of).digest('hex').slice(0, 16)}`;
}

const REMEDIES: Record<string, string> = {
  EACCES: 'Run it as root (sudo).',
  EPERM: 'Run it as root (sudo).',
  EROFS: 'Make the file system writable, then run it again.',
  ENOSPC: 'Make room on the disk, then run it again.',
  EDQUOT: 'Make room on the disk, then run it again.',
  ENOENT: 'Install the package, or name the identity.json that the folder belongs to with --identity.',
  ENOTDIR: 'Name the identity.json that the folder belongs to with --identity.',
};

/** What the file system refuses is no bug of the agent: it is said in words. */
async function explained<T>(folder: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    // An error number of the system, not a code of Node's or the agent's own.
    if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) throw error;
    const message = `the new certificate and key cannot be put in place (${code}${path && path !== folder ? ` at ${path}` : ''})`;
    throw configError([
      { file: folder, field: '', message, remedy: REMEDIES[code] ?? 'Check the disk and the folder, then run it again.' },
    ]);
  }
}
