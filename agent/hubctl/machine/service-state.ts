import { times } from '../../health/finding.ts';

/** The unit as systemd shows it (systemctl(1), "show"). */
export interface ServiceState {
  /** `loaded`, `masked`, `error`, `bad-setting`, …; `unknown` when systemd did not answer. */
  loadState: string;
  /** `active`, `activating`, `inactive`, `failed`, …; `unknown` when systemd did not answer. */
  activeState: string;
  subState: string;
  /** `success`, `exit-code`, `watchdog`, … of the last run. */
  result: string;
  restarts: number;
  /** Exit status of the last run. */
  exitStatus: number;
  /** `enabled`, `disabled`, `masked`, …; empty when it is unknown. */
  unitFileState: string;
  /** The last start was left out: the unit's condition, that there is an identity, was not met. */
  conditionFailed: boolean;
  /** A process of the service by the kernel, read when systemd is silent. 0: it has none; null: not known. */
  pid: number | null;
}

/** Systemd did not answer: the service may run or not. */
export const SILENT_SYSTEMD: ServiceState = {
  loadState: 'unknown',
  activeState: 'unknown',
  subState: 'unknown',
  result: 'unknown',
  restarts: 0,
  exitStatus: 0,
  unitFileState: '',
  conditionFailed: false,
  pid: null,
};

/**
 * Whether the service surely has no process: there is no such service (null), or it is at rest, by systemd or else by the kernel.
 * One between two starts may have a process at any moment.
 */
export function isAtRest(state: ServiceState | null): boolean {
  if (state === null) return true;
  if (isSilent(state)) return state.pid === 0;
  return state.activeState === 'inactive' || state.activeState === 'failed';
}

/** Whether systemd did not say anything of the service. */
export const isSilent = (state: ServiceState | null): boolean => state?.activeState === SILENT_SYSTEMD.activeState;

/** Whether systemd may start it at all (systemctl(1), "mask"). */
export const isMasked = (state: ServiceState | null): boolean => state?.loadState === 'masked';

/** What `systemctl show` answers; null: there is no such service, and no process of it. Without a state it counts as silence. */
export function parseService(text: string): ServiceState | null {
  const values = new Map(text.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]));
  const { activeState: silence } = SILENT_SYSTEMD;
  const activeState = values.get('ActiveState') ?? silence;
  const loadState = values.get('LoadState') ?? 'unknown';
  // A unit whose file was removed while it runs is not found either.
  if (loadState === 'not-found' && ['inactive', 'failed', silence].includes(activeState)) return null;
  return {
    loadState,
    activeState,
    subState: values.get('SubState') ?? 'unknown',
    result: values.get('Result') ?? 'unknown',
    restarts: Number(values.get('NRestarts') ?? 0),
    exitStatus: Number(values.get('ExecMainStatus') ?? 0),
    unitFileState: values.get('UnitFileState') ?? '',
    // A unit that was never to be started has no condition result, which is shown as "no" too.
    conditionFailed: values.get('ConditionResult') === 'no' && Number(values.get('ConditionTimestampMonotonic') ?? 0) > 0,
    pid: null,
  };
}

/** What `parseService` needs. */
export const SERVICE_PROPERTIES =
  'LoadState,ActiveState,SubState,Result,NRestarts,ExecMainStatus,UnitFileState,ConditionResult,ConditionTimestampMonotonic';

/** The state in a few words, for a screen; null where there is no service. */
export function serviceWords(state: ServiceState | null): string | null {
  if (state === null) return null;
  if (isSilent(state)) {
    const processes = state.pid === null ? '' : state.pid === 0 ? '; it has no process' : `; it runs, pid ${state.pid}`;
    return `unknown: systemd does not answer${processes}`;
  }
  if (isMasked(state)) return `masked: systemd may not start it, ${state.activeState}`;
  if (isAtRest(state) && state.conditionFailed) return 'not started: this hub was not flashed';
  return `${state.activeState} (${state.result}), started again ${times(state.restarts)}`;
}
