import { type Entries, finder, times } from './finding.ts';
import { BUNDLE, CONFIG_CHECK, DOCTOR, LOGS, RESTART } from './remedies.ts';

/** The unit as systemd reports it: `activeState`, its `result`, the exit status of its last run, and its `unitFileState`. */
interface Ended {
  activeState: string;
  result: string;
  exitStatus: number;
  unitFileState: string;
}

/** What can be wrong with the agent as a service, and with its control sockets. The hub is the subject. */
export interface ServiceParams {
  /** In the words of the client. */
  agent_forbidden: { message: string };
  agent_unreachable: { message: string };
  /** In the words of the client. */
  agent_unclear: { message: string };
  agent_hung: object;
  agent_busy: object;
  /** It runs, by systemd. */
  agent_socket_closed: object;
  /** `pid`: of a process of the service; 0: it has none; null: not known. */
  systemd_silent: { pid: number | null };
  service_absent: object;
  /** `runtime`: until the next boot. */
  service_masked: { runtime: boolean };
  service_starting: object;
  service_restarting: { restarts: number };
  /** Without an identity the unit's condition is not met. */
  service_no_identity: object;
  service_stopped: Ended;
  service_disabled: object;
  /** `count`: how often, by the journal; 0: not known. */
  service_watchdog: { count: number };
  service_restarted: { restarts: number };
  service_history_unknown: object;
  journal_silent: object;
  agent_outdated: { running: string; installed: string };
}

const FORCED_REBOOT = 'sudo systemctl --force --force reboot';
const LAST_WORDS = 'sudo journalctl -u hub-agent -n 200 -o cat';
const START_FAILS = `${CONFIG_CHECK}; sudo journalctl -u hub-agent -n 50`;
const STATUS = 'systemctl status hub-agent';

function withoutSystemd(pid: number | null): string {
  if (pid === null) return 'its control socket is closed';
  return pid === 0 ? 'it does not run' : `it runs (pid ${pid}), and its control socket is closed`;
}

export const SERVICE: Entries<ServiceParams> = {
  agent_forbidden: { severity: 'warn', text: ({ message }) => message, remedy: () => DOCTOR, next: DOCTOR },
  agent_unreachable: { severity: 'fail', text: ({ message }) => message, remedy: () => `${LOGS}; ${RESTART}`, next: DOCTOR },
  agent_unclear: { severity: 'fail', text: ({ message }) => message, remedy: () => `hubctl update status; ${LOGS}`, next: DOCTOR },
  agent_hung: { severity: 'fail', text: () => 'it runs and does not answer', remedy: () => `${BUNDLE}; ${RESTART}`, next: LOGS },
  agent_busy: {
    severity: 'fail',
    text: () => 'it runs and takes no more connections: end another hubctl',
    remedy: () => `pgrep -af hubctl; ${RESTART}`,
    next: 'pgrep -af hubctl',
  },
  agent_socket_closed: {
    severity: 'fail',
    text: () => 'it runs, and its control socket is closed',
    remedy: () => `${LOGS}; ${RESTART}`,
    next: LOGS,
  },
  systemd_silent: {
    severity: 'fail',
    text: ({ pid }) => `${withoutSystemd(pid)}, and systemd does not answer`,
    remedy: () => FORCED_REBOOT,
    next: STATUS,
  },
  service_absent: { severity: 'fail', text: () => 'it does not run', remedy: () => 'sudo systemctl start hub-agent', next: STATUS },
  service_masked: {
    severity: 'fail',
    text: () => 'it does not run: it is masked',
    remedy: ({ runtime }) => `sudo systemctl unmask${runtime ? ' --runtime' : ''} hub-agent; sudo systemctl start hub-agent`,
    next: STATUS,
  },
  service_starting: {
    severity: 'fail',
    text: () => 'it is being started, and its control socket is not open yet',
    remedy: () => START_FAILS,
    next: STATUS,
  },
  service_restarting: {
    severity: 'fail',
    text: ({ restarts }) => `it ends and is started again (${times(restarts)})`,
    remedy: () => START_FAILS,
    next: LOGS,
  },
  service_no_identity: {
    severity: 'fail',
    text: () => 'this hub was not flashed: /etc/hub-agent/identity.json is missing',
    remedy: () => 'ls -l /etc/hub-agent',
    next: STATUS,
  },
  service_stopped: {
    severity: 'fail',
    text: ({ activeState, result, exitStatus }) => `it does not run (systemd: ${activeState}, ${result}, exit status ${exitStatus})`,
    remedy: ({ result, unitFileState }) =>
      result === 'exit-code'
        ? `${CONFIG_CHECK}; ${LAST_WORDS}; ${RESTART}`
        : `sudo systemctl ${unitFileState === 'disabled' ? 'enable --now' : 'start'} hub-agent`,
    next: LOGS,
  },
  service_disabled: {
    severity: 'warn',
    text: () => 'it is disabled: systemd does not start it when the hub is switched on',
    remedy: () => 'sudo systemctl enable hub-agent',
    next: STATUS,
  },
  service_watchdog: {
    severity: 'fail',
    text: ({ count }) => `its watchdog ended the agent${count > 0 ? ` ${times(count)}` : ''}: it hung`,
    remedy: () => BUNDLE,
    next: LOGS,
  },
  service_restarted: {
    severity: 'warn',
    text: ({ restarts }) => `systemd started the agent again ${times(restarts)} since it was started`,
    remedy: () => `${LOGS}; ${BUNDLE}`,
    next: LOGS,
  },
  service_history_unknown: {
    severity: 'warn',
    text: () => 'systemd does not answer: how often it was started again is not known',
    remedy: () => FORCED_REBOOT,
    next: STATUS,
  },
  journal_silent: {
    severity: 'warn',
    text: () => 'systemd has not started it again; the journal does not answer',
    remedy: () => 'sudo systemctl restart systemd-journald',
    next: 'systemctl status systemd-journald',
  },
  agent_outdated: {
    severity: 'warn',
    text: ({ running, installed }) => `the agent runs ${running}, installed is ${installed}`,
    remedy: () => RESTART,
    next: STATUS,
  },
};

export type ServiceCode = keyof ServiceParams;
export const serviceFinding = finder(SERVICE);
