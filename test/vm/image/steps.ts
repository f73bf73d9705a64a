import { chmod, copyFile, cp, mkdir, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type RunOptions, run } from '../host/run.ts';
import {
  BOOT_MODULES,
  DEBIAN_PACKAGES,
  DEBIAN_RELEASE,
  ENABLED_UNITS,
  MASKED_GENERATORS,
  MASKED_UNITS,
  ROOT_DISK_MEGABYTES,
  ROOT_MODULES,
} from './contents.ts';

/** Where one build works. */
export interface BuildFolders {
  /** Holds everything of this build; nobody else uses it. */
  work: string;
  /** The root file system as a folder. */
  tree: string;
  /** The unpacked kernel package. */
  kernel: string;
  /** What an ordinary user's build pretends about owners (fakeroot); null for root. */
  ownership: string | null;
}

/** Runs a program that reads or writes owners and modes of the tree. */
async function runAsOwner(folders: BuildFolders, file: string, args: string[], options: RunOptions): Promise<void> {
  if (folders.ownership === null) await run(file, args, options);
  else await run('fakeroot', ['-i', folders.ownership, '-s', folders.ownership, '--', file, ...args], options);
}

/** An archive of the root file system with the kernel's package in /boot, which apt of the release itself found. */
export async function bootstrap(tar: string, options: RunOptions): Promise<void> {
  const fetchKernel = [
    'cd "$1/boot"',
    'export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"',
    'name=$(apt-cache depends linux-image-amd64 | sed -n "s/.*Depends: \\(linux-image-[0-9][^ ]*\\).*/\\1/p" | head -n1)',
    'apt-get -o APT::Sandbox::User=root download "$name"',
  ].join(' && ');
  const excluded = ['doc', 'man', 'info', 'locale', 'bash-completion'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  await run(
    'mmdebstrap',
    [
      '--variant=essential',
      '--aptopt=APT::Install-Recommends "false"',
      '--dpkgopt=force-unsafe-io',
      ...excluded,
      `--include=${DEBIAN_PACKAGES.join(',')}`,
      `--customize-hook=${fetchKernel}`,
      DEBIAN_RELEASE,
      tar,
    ],
    options,
  );
}

/** Unpacks the archive and the kernel. Devices are left out: the kernel makes them. */
export async function unpack(folders: BuildFolders, tar: string, options: RunOptions): Promise<void> {
  await mkdir(folders.tree);
  await runAsOwner(folders, 'tar', ['-xpf', tar, '-C', folders.tree, '--exclude=./dev/*'], options);
  const boot = join(folders.tree, 'boot');
  const deb = (await readdir(boot)).find((name) => name.endsWith('.deb'));
  if (deb === undefined) throw new Error('mmdebstrap fetched no kernel package');
  await mkdir(folders.kernel);
  await run('dpkg-deb', ['-x', join(boot, deb), folders.kernel], options);
  await rm(join(boot, deb));
}

/** The release of the unpacked kernel, e.g. `6.1.0-56-amd64`. */
export async function kernelRelease(folders: BuildFolders): Promise<string> {
  const [release] = await readdir(join(folders.kernel, 'lib/modules'));
  if (release === undefined) throw new Error('The kernel package has no modules');
  return release;
}

/** Takes the ELF image out of the compressed kernel: QEMU starts it directly (PVH), 3 s sooner than the guest would unpack it under TCG. */
export async function extractKernel(folders: BuildFolders, release: string, target: string, options: RunOptions): Promise<void> {
  const image = await readFile(join(folders.kernel, 'boot', `vmlinuz-${release}`));
  const start = image.indexOf(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]));
  if (start < 0) throw new Error('The kernel image is not compressed with xz');
  const packed = join(folders.work, 'vmlinux.xz');
  await writeFile(packed, image.subarray(start));
  // xz complains of what follows its stream; the result is checked instead.
  await run('sh', ['-c', 'xz -dc --single-stream "$1" > "$2" 2> /dev/null; test -s "$2"', 'xz', packed, target], options);
  await rm(packed);
  const handle = await open(target);
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    if (!buffer.equals(Buffer.from('\x7fELF', 'latin1'))) throw new Error('The kernel image holds no ELF file');
  } finally {
    await handle.close();
  }
}

const SIGNATURE_END = '~Module signature appended~\n';

/** Copies a module without its signature, which the kernel would check, slowly under emulation, and does not insist on. */
async function copyModule(file: string, target: string): Promise<void> {
  const content = await readFile(file);
  const end = content.length - SIGNATURE_END.length;
  await mkdir(dirname(target), { recursive: true });
  if (content.toString('latin1', end) !== SIGNATURE_END) return copyFile(file, target);
  // Before the end mark: struct module_signature, 12 bytes, its last 4 the signature's length in big endian.
  await writeFile(target, content.subarray(0, end - 12 - content.readUInt32BE(end - 4)));
}

/** Files of the named modules and all they depend on, in loading order. What is built into the kernel has none. */
async function moduleFiles(folders: BuildFolders, release: string, names: readonly string[], options: RunOptions): Promise<string[]> {
  const files = new Set<string>();
  for (const name of names) {
    const { stdout } = await run('modprobe', ['-d', folders.kernel, '-S', release, '--show-depends', name], options);
    for (const [, file] of stdout.matchAll(/^insmod (\S+)/gm)) files.add(file!);
  }
  return [...files];
}

/** Puts the chosen modules, our own files, Node and the state of the units into the root file system. */
export async function furnish(folders: BuildFolders, release: string, overlay: string, node: string, options: RunOptions): Promise<void> {
  const { tree, kernel } = folders;
  await run('depmod', ['-b', kernel, release], options);
  const modules = join(tree, 'lib/modules', release);
  await mkdir(modules, { recursive: true });
  for (const file of await moduleFiles(folders, release, ROOT_MODULES, options)) {
    const target = join(tree, 'lib/modules', release, file.slice(file.indexOf(`${release}/`) + release.length + 1));
    await copyModule(file, target);
  }
  for (const name of ['modules.order', 'modules.builtin', 'modules.builtin.modinfo']) {
    await copyFile(join(kernel, 'lib/modules', release, name), join(modules, name));
  }
  await run('depmod', ['-b', tree, release], options);

  await cp(overlay, tree, { recursive: true, verbatimSymlinks: true });
  await mkdir(join(tree, 'opt/node/bin'), { recursive: true });
  await copyFile(node, join(tree, 'opt/node/bin/node'));
  await chmod(join(tree, 'opt/node/bin/node'), 0o755);
  // A fixed identity spares the first boot systemd's first-boot work; hubs are told apart by their Thing.
  await writeFile(join(tree, 'etc/machine-id'), '00000000000040008000000000000001\n');
  const units = join(tree, 'etc/systemd/system');
  for (const name of MASKED_UNITS) {
    await rm(join(units, name), { force: true });
    await symlink('/dev/null', join(units, name));
  }
  const generators = join(tree, 'etc/systemd/system-generators');
  await mkdir(generators, { recursive: true });
  for (const name of MASKED_GENERATORS) await symlink('/dev/null', join(generators, name));
  for (const [unit, target] of ENABLED_UNITS) {
    await mkdir(join(units, `${target}.wants`), { recursive: true });
    await symlink(`../${unit}`, join(units, `${target}.wants`, unit));
  }
}

/** The start-up archive: a static busybox, the modules for the root disk, and our init. */
export async function packInitrd(folders: BuildFolders, release: string, init: string, target: string, options: RunOptions): Promise<void> {
  const root = join(folders.work, 'initrd');
  for (const name of ['bin', 'dev', 'modules', 'root']) await mkdir(join(root, name), { recursive: true });
  await copyFile(join(folders.tree, 'bin/busybox'), join(root, 'bin/busybox'));
  const files = await moduleFiles(folders, release, BOOT_MODULES, options);
  for (const file of files) await copyModule(file, join(root, 'modules', basename(file)));
  await writeFile(join(root, 'modules/order'), `${files.map((file) => basename(file)).join('\n')}\n`);
  await copyFile(init, join(root, 'init'));
  await chmod(join(root, 'init'), 0o755);
  const script = 'cd "$1" && find . | cpio --quiet -o -H newc > "$2"';
  await run('sh', ['-c', script, 'initrd', root, target], options);
}

/** The root disk. ext4 with its defaults, as on a hub: what it loses at a power cut is what a hub would lose. */
export async function packRoot(folders: BuildFolders, target: string, options: RunOptions): Promise<void> {
  const args = ['-q', '-t', 'ext4', '-L', 'hub', '-m', '0', '-d', folders.tree, target, `${ROOT_DISK_MEGABYTES}M`];
  await runAsOwner(folders, 'mke2fs', args, options);
}
