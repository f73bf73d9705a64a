import { chown, mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Environment, Surroundings } from './environment.ts';
import {
  burn,
  copyCheckout,
  fetchNode,
  isExecutable,
  normalUser,
  OUTER_PATH,
  programsWithout,
  REPOSITORY,
  temporaryFolder,
  writePrograms,
} from './parts.ts';

const SETPRIV = '/usr/bin/setpriv';
const isRoot = process.getuid?.() === 0;

/** This machine as it is, with some of it changed. */
function here(changes: Partial<Surroundings> = {}): Surroundings {
  return { folder: REPOSITORY, before: [], node: 'node', env: {}, [Symbol.asyncDispose]: async () => {}, ...changes };
}

/** Programs of the machine are replaced. */
async function withPrograms(programs: Readonly<Record<string, string>>): Promise<Surroundings> {
  const folder = await temporaryFolder('he');
  await writePrograms(folder.path, programs);
  return here({ env: { PATH: folder.path + delimiter + OUTER_PATH }, [Symbol.asyncDispose]: folder[Symbol.asyncDispose] });
}

const outerNode = (major: number): Environment => ({
  name: `node-${major}`,
  what: `npm runs on Node ${major}`,
  async open() {
    const bin = await fetchNode(major);
    return here({ node: join(bin, 'node'), env: { PATH: bin + delimiter + OUTER_PATH } });
  },
});

/** A journal of a machine that has run for years, and one that has just been made. */
const LONG_JOURNAL = `i=0; while [ $i -lt 20000 ]; do echo "2026-01-01T00:00:00+0000 host kernel[0]: line $i of many, each about as long as this"; i=$((i+1)); done`;

export const ENVIRONMENTS: readonly Environment[] = [
  { name: 'plain', what: 'this machine as it is', open: async () => here() },
  {
    name: 'user',
    what: 'a normal user, in a checkout of their own, without a home',
    async open() {
      if (!isRoot) return 'run as root to become another user; the other environments run as a normal user already';
      if (!(await isExecutable(SETPRIV))) return `${SETPRIV} is missing (package util-linux)`;
      const user = await normalUser();
      const folder = await temporaryFolder('he');
      const [checkout, temporary] = [join(folder.path, 'hub'), join(folder.path, 'tmp')];
      await copyCheckout(checkout, user);
      await mkdir(temporary);
      for (const path of [folder.path, temporary]) await chown(path, user.uid, user.gid);
      const before = [SETPRIV, '--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups', '--'];
      const env = { HOME: temporary, USER: user.name, LOGNAME: user.name, TMPDIR: temporary };
      return here({ folder: checkout, before, env, [Symbol.asyncDispose]: folder[Symbol.asyncDispose] });
    },
  },
  { name: 'empty-journal', what: 'a machine whose journal is empty', open: () => withPrograms({ journalctl: 'exit 0' }) },
  { name: 'long-journal', what: 'a machine whose journal is long', open: () => withPrograms({ journalctl: LONG_JOURNAL }) },
  {
    name: 'silent-systemd',
    what: 'a machine whose systemd does not answer',
    open: () => withPrograms({ journalctl: 'exec sleep 600', systemctl: 'exec sleep 600', nmcli: 'exec sleep 600' }),
  },
  {
    name: 'busy',
    what: 'every core is busy with something else, twice over',
    async open() {
      const load = burn();
      return here({ [Symbol.asyncDispose]: load[Symbol.asyncDispose] });
    },
  },
  outerNode(20),
  outerNode(22),
  outerNode(24),
  {
    name: 'no-git',
    what: 'no git in PATH, and a checkout that is no repository',
    async open() {
      const folder = await temporaryFolder('he');
      const [checkout, bin] = [join(folder.path, 'hub'), join(folder.path, 'bin')];
      await Promise.all([copyCheckout(checkout), programsWithout(bin, (name) => name.startsWith('git'))]);
      return here({ folder: checkout, env: { PATH: bin }, [Symbol.asyncDispose]: folder[Symbol.asyncDispose] });
    },
  },
  {
    name: 'spaces',
    what: 'spaces in the path of the checkout and of the temporary folder',
    async open() {
      const folder = await temporaryFolder('he');
      const [checkout, temporary] = [join(folder.path, 'my hub'), join(folder.path, 't m p')];
      await copyCheckout(checkout);
      await mkdir(temporary);
      return here({ folder: checkout, env: { TMPDIR: temporary }, [Symbol.asyncDispose]: folder[Symbol.asyncDispose] });
    },
  },
  {
    name: 'closed',
    what: 'a strict umask, another time zone and language, and no home',
    async open() {
      const env = { TZ: 'Pacific/Apia', LANG: 'tr_TR.UTF-8', LC_ALL: 'C', HOME: '/nonexistent', NO_COLOR: '1' };
      return here({ before: ['/bin/sh', '-c', 'umask 077 && exec "$@"', 'sh'], env });
    },
  },
];
