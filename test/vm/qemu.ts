import type { ChildProcess } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { spawnBound } from './host/run.ts';

/** What the machine is started from. All sockets and logs are named relative to its run folder, which keeps them short and the arguments the same in every run. */
export interface MachineFiles {
  kernel: string;
  initrd: string;
  /** The root disk; never written to: the writes of a run go to an unnamed temporary file. */
  root: string;
  /** A saved memory state that fits the root disk, or null to boot. */
  state: string | null;
  /** True while a saved state is made: the root disk is written to. */
  keepWrites: boolean;
}

/** Names of sockets and files in the run folder. */
export const RUN_FILES = {
  qmp: 'qmp.sock',
  control: 'control.sock',
  console: 'console.log',
  journal: 'journal.log',
  execTrace: 'exec.log',
  errors: 'qemu.log',
  /** What a Zigbee stick heard and said. */
  stick: 'stick.log',
  share: 'share',
} as const;

const MEMORY_MEGABYTES = 768;
const PROCESSORS = 2;

/**
 * The country: its rules leave 21 channels at 2.4 and 5 GHz, as the radios of hubs have them. Without it the simulated radio walks through 76 at
 * every scan, those for sensors and at 60 GHz among them (22 s while associated; a real one takes 3 s).
 * From `mitigations=off` on: nobody attacks the guest, nothing in it looks for a kernel bug, and emulation pays for each check and wait.
 * On a busy host the kernel's check of its timer fails, and the boot would hang.
 */
const KERNEL_ARGUMENTS = [
  'console=ttyS0 quiet root=/dev/vda rw net.ifnames=0 systemd.show_status=no cfg80211.ieee80211_regdom=UZ',
  'mitigations=off audit=0 apparmor=0 selinux=0 cryptomgr.notests rcupdate.rcu_expedited=1 nokaslr random.trust_cpu=on nowatchdog no_timer_check',
].join(' ');

/** KVM only where the processor has it: elsewhere /dev/kvm may open, and the guest then hangs. Nehalem is the cheapest to emulate that Debian runs on. */
export async function accelerator(): Promise<'kvm' | 'tcg'> {
  try {
    if (!/^flags\s*:.*\b(vmx|svm)\b/m.test(await readFile('/proc/cpuinfo', 'utf8'))) return 'tcg';
    await (await open('/dev/kvm', 'r+')).close();
    return 'kvm';
  } catch {
    return 'tcg';
  }
}

/** QEMU's arguments. */
export function machineArguments(files: MachineFiles, accel: 'kvm' | 'tcg'): string[] {
  const socket = (id: string, path: string) => ['-chardev', `socket,id=${id},path=${path},server=on,wait=off`];
  const file = (id: string, path: string) => ['-chardev', `file,id=${id},path=${path}`];
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-name', 'virtual-hub'],
    ...['-machine', `pc,accel=${accel}`, '-cpu', accel === 'kvm' ? 'host' : 'Nehalem'],
    ...['-smp', String(PROCESSORS), '-m', String(MEMORY_MEGABYTES)],
    ...['-kernel', files.kernel, '-initrd', files.initrd, '-append', KERNEL_ARGUMENTS],
    // The host does not lose power, so the guest's flushes need not reach its disk. What a cut takes is what the guest still held in memory.
    ...['-drive', `file=${files.root},if=none,id=disk,format=raw,cache=unsafe,snapshot=${files.keepWrites ? 'off' : 'on'}`],
    ...['-device', 'virtio-blk-pci,drive=disk', '-device', 'virtio-rng-pci'],
    ...['-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net'],
    ...[...file('console', RUN_FILES.console), '-serial', 'chardev:console'],
    ...['-device', 'virtio-serial-pci'],
    ...[...file('journal', RUN_FILES.journal), '-device', 'virtconsole,chardev=journal'],
    ...[...socket('control', RUN_FILES.control), '-device', 'virtserialport,chardev=control,name=hub.control'],
    ...[...file('exec', RUN_FILES.execTrace), '-device', 'virtserialport,chardev=exec,name=hub.exec'],
    ...[...socket('isa', 'isa.sock'), '-device', 'isa-serial,chardev=isa,index=1'],
    ...[...socket('pci', 'pci.sock'), '-device', 'pci-serial,chardev=pci'],
    ...[...socket('usb', 'usb.sock'), '-device', 'qemu-xhci,id=xhci'],
    ...['-fsdev', `local,id=share,path=${RUN_FILES.share},security_model=none,readonly=on`],
    ...['-qmp', `unix:${RUN_FILES.qmp},server=on,wait=off`],
    ...(files.state === null ? [] : ['-incoming', `exec:cat '${files.state}'`]),
  ];
}

/** Starts QEMU in the run folder; it ends with this process, however that ends. */
export async function startMachine(runFolder: string, files: MachineFiles): Promise<ChildProcess> {
  const log = await open(join(runFolder, RUN_FILES.errors), 'a');
  try {
    const args = machineArguments(files, await accelerator());
    return spawnBound('qemu-system-x86_64', args, 'KILL', { cwd: runFolder, stdio: ['ignore', log.fd, log.fd] });
  } finally {
    await log.close();
  }
}
