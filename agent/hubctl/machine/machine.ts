import type { Files } from '../../system/files.ts';

/** The machine that hubctl runs on; a test puts another one in its place. */
export interface HubctlMachine {
  isRoot: boolean;
  env: Readonly<Record<string, string | undefined>>;
  files: Pick<Files, 'read'>;
  /** For programs that are asked; milliseconds. */
  helperTimeoutMs: number;
  /** The folder of `passwd`, `group` and `hub-agent`. */
  etc: string;
  /** There when the machine was booted with systemd (sd_booted(3)). */
  systemdFolder: string;
  /** Where the kernel shows the control groups (cgroups(7)). */
  cgroupFolder: string;
  /** Where the kernel shows the processes (proc(5)). */
  processFolder: string;
  /** Where NetworkManager keeps its profiles with their passwords; for root only. */
  profileFolders: readonly string[];
}
