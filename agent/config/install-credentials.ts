import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Files } from '../system/files.ts';
import { type CredentialsDeps, checkCredentials } from './credentials.ts';
import { parseCertificates } from './pem.ts';
import { type ConfigProblem, configError } from './problems.ts';

const CERTIFICATE = 'certificate.pem';
const PRIVATE_KEY = 'private-key.pem';
/** A link to the folder of the pair in use: to change the link is to change both files at once. */
const IN_USE = 'credentials';

export interface InstallCredentialsDeps extends Omit<CredentialsDeps, 'files'> {
  files: Files;
}

/** What was done. */
export interface InstalledCredentials {
  /** Folder of the pair now in use. */
  folder: string;
  expiresAt: Date;
}

/**
 * Puts the pair `certificate.pem` and `private-key.pem` of a folder in place of the one in `/etc/hub-agent`. The pair is checked first, as at a
 * start; a bad one changes nothing. The change is one rename: whenever the power goes, there is the whole old pair or the whole new one. The agent
 * takes the new pair at its next start; the old one stays beside it.
 * @throws HubError `config_invalid` with what is wrong with the new pair
 */
export async function installCredentials(from: string, folder: string, deps: InstallCredentialsDeps): Promise<InstalledCredentials> {
  const at = (name: string, field: string) => ({ path: join(from, name), file: join(from, name), field });
  const pair = { certificate: at(CERTIFICATE, ''), privateKey: at(PRIVATE_KEY, ''), ca: null };
  const { problems, warnings } = await checkCredentials(pair, deps);
  const blocking: ConfigProblem[] = [...problems, ...warnings];
  if (blocking.length > 0) throw configError(blocking);

  const certificate = (await deps.files.read(pair.certificate.path))!;
  const key = (await deps.files.read(pair.privateKey.path))!;
  const parsed = parseCertificates(certificate.toString('utf8'));
  if (!parsed.ok) throw configError([{ ...pair.certificate, ...parsed.problem }]);
  await moveIntoFolder(folder, deps.files);
  const name = pairName(certificate);
  await writePair(join(folder, name), certificate, key, deps.files);
  const before = await readlink(join(folder, IN_USE)).catch(() => null);
  await link(folder, IN_USE, name);
  await removeOlder(folder, [name, before], deps.files);
  return { folder: join(folder, name), expiresAt: parsed.value[0]!.validToDate };
}

function pairName(certificate: Buffer): string {
  return `credentials-${createHash('sha256').update(certificate).digest('hex').slice(0, 16)}`;
}

async function writePair(folder: string, certificate: Buffer, key: Buffer, files: Files): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await files.writeAtomic(join(folder, PRIVATE_KEY), key, 0o600);
  await files.writeAtomic(join(folder, CERTIFICATE), certificate, 0o644);
}

/** The first time the pair lies in plain files: they become links to a copy of themselves, each at a time, so the pair is whole at every step. */
async function moveIntoFolder(folder: string, files: Files): Promise<void> {
  const isLinked = async (name: string) => (await lstat(join(folder, name)).catch(() => null))?.isSymbolicLink() ?? false;
  if (!(await isLinked(IN_USE))) {
    const certificate = await files.read(join(folder, CERTIFICATE));
    const key = await files.read(join(folder, PRIVATE_KEY));
    const name = certificate && key ? pairName(certificate) : 'credentials-none';
    if (certificate && key) await writePair(join(folder, name), certificate, key, files);
    await link(folder, IN_USE, name);
  }
  for (const name of [CERTIFICATE, PRIVATE_KEY]) {
    if (!(await isLinked(name))) await link(folder, name, join(IN_USE, name));
  }
}

/** Makes or replaces a symbolic link at once, and writes it to the disk. */
async function link(folder: string, name: string, target: string): Promise<void> {
  const temporary = join(folder, `${name}.tmp`);
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  await rename(temporary, join(folder, name));
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The pair in use and the one before it stay. */
async function removeOlder(folder: string, keep: (string | null)[], files: Files): Promise<void> {
  for (const name of await files.list(folder)) {
    if (/^credentials-[0-9a-f]{16}$/.test(name) && !keep.includes(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}
