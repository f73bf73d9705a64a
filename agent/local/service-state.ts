/** The unit as systemd shows it (systemctl(1), "show"). */
export interface ServiceState {
  /** `active`, `activating`, `inactive`, `failed`, …; `unknown` when systemd did not answer in time. */
  activeState: string;
  subState: string;
  /** `success`, `exit-code`, `watchdog`, … of the last run. */
  result: string;
  restarts: number;
  /** Exit status of the last run. */
  exitStatus: number;
}

/** Systemd did not answer: the service may run or not. */
export const SILENT_SYSTEMD: ServiceState = { activeState: 'unknown', subState: 'unknown', result: 'unknown', restarts: 0, exitStatus: 0 };

/**
 * Whether the service surely has no process: there is none (null), or it is at rest. One between two starts may have a process at any moment.
 */
export function isAtRest(state: ServiceState | null): boolean {
  return state === null || state.activeState === 'inactive' || state.activeState === 'failed';
}

/** Whether systemd did not say anything of the service. */
export const isSilent = (state: ServiceState | null): boolean => state?.activeState === SILENT_SYSTEMD.activeState;
