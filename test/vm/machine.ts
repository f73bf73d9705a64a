import { createHash } from 'node:crypto';
import { mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './host/run.ts';
import { createVirtualHub } from './hub.ts';
import type { HubImage } from './image/build.ts';
import type { Progress } from './progress.ts';
import { accelerator, type MachineFiles, machineArguments } from './qemu.ts';

/** A machine that boots from the image. */
export function coldMachine(image: HubImage): MachineFiles {
  return { kernel: image.kernel, initrd: image.initrd, root: image.root, state: null, keepWrites: false };
}

/** A saved state fits one QEMU with one set of arguments. */
async function stateKey(image: HubImage): Promise<string> {
  const { stdout } = await run('qemu-system-x86_64', ['--version']);
  const args = machineArguments(coldMachine(image), await accelerator());
  return createHash('sha256')
    .update(JSON.stringify([stdout, args]))
    .digest('hex')
    .slice(0, 16);
}

/** A machine that wakes up booted, within a second or two. The state is made at the first call and kept beside the image. */
export async function warmMachine(image: HubImage, progress: Progress): Promise<MachineFiles> {
  const folder = join(image.folder, `state-${await stateKey(image)}`);
  const machine = { ...coldMachine(image), root: join(folder, 'root.ext4'), state: join(folder, 'memory') };
  const there = await stat(folder).catch(() => null);
  if (there) return machine;
  const work = await mkdtemp(join(image.folder, 'making-'));
  const root = join(work, 'root.ext4');
  try {
    await progress.step('saved state', async () => {
      await run('cp', ['--sparse=always', '--reflink=auto', image.root, root]);
      const hub = createVirtualHub({ machine: { ...coldMachine(image), root, keepWrites: true } });
      try {
        await hub.start();
        await hub.must('systemctl is-system-running --wait > /dev/null; nm-online -s -q -t 60; udevadm settle', { timeoutMs: 120_000 });
        await hub.saveState(join(work, 'memory'));
      } finally {
        await hub.stop();
      }
      await rename(work, folder).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      });
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return machine;
}
