import { join } from 'node:path';
import { faultFindings, logFindings } from '../../health/agent.ts';
import { hostFinding } from '../../health/host.ts';
import { isDiskLow, isMemoryLow } from '../../health/limits.ts';
import { bytes, utc } from '../../system/units.ts';
import type { AgentError } from '../cli/client.ts';
import { isMasked, isSilent, type ServiceState } from '../machine/service-state.ts';
import { type Check, catalogued, type Finding, fail, ok, skipped, warn } from './check.ts';

/** An atomic write fails soon. */
const FULL_BYTES = 5_000_000;
/** The unit's MemoryHigh is 192 MiB: from there on the kernel slows the agent down. */
const AGENT_HIGH_BYTES = 180_000_000;
/** As many lines as tell of some weeks. */
const HISTORY_LINES = 20;

const RESTART = 'sudo systemctl restart hub-agent';
const LAST_WORDS = 'sudo journalctl -u hub-agent -n 200 -o cat';
const FORCED_REBOOT = 'sudo systemctl --force --force reboot';

/** An agent that does not do what it is asked, by what its sockets say. Null: no process listens there. */
function unansweredFinding({ problem, message }: AgentError): Finding | null {
  switch (problem) {
    case 'forbidden':
      return warn(message, 'sudo hubctl doctor');
    case 'hung':
      return fail('it runs and does not answer', `sudo hubctl bundle; ${RESTART}`);
    case 'busy':
      return fail('it runs and takes no more connections: end another hubctl', `pgrep -af hubctl; ${RESTART}`);
    case 'unreachable':
      return fail(message, `sudo hubctl logs; ${RESTART}`);
    default:
      return null;
  }
}

/** No process listens on the control socket, and systemd is silent. */
function silentFinding({ pid }: ServiceState): Finding {
  if (pid === null) return fail('its control socket is closed, and systemd does not answer', FORCED_REBOOT);
  const words = pid === 0 ? 'it does not run' : `it runs (pid ${pid}), and its control socket is closed`;
  return fail(`${words}, and systemd does not answer`, FORCED_REBOOT);
}

/** No process listens on the control socket: what systemd reports about it. */
function downFinding(state: ServiceState | null, flashed: boolean): Finding {
  if (state === null) return fail('it does not run', 'sudo systemctl start hub-agent');
  if (isSilent(state)) return silentFinding(state);
  const { activeState, subState, result, restarts, exitStatus, unitFileState } = state;
  if (activeState === 'active') return fail('it runs, and its control socket is closed', `sudo hubctl logs; ${RESTART}`);
  if (isMasked(state)) {
    const runtime = unitFileState === 'masked-runtime' ? ' --runtime' : '';
    return fail('it does not run: it is masked', `sudo systemctl unmask${runtime} hub-agent; sudo systemctl start hub-agent`);
  }
  if (activeState === 'activating' || subState === 'auto-restart') {
    return fail(
      restarts > 0 ? `it ends and is started again (${restarts} times)` : 'it is being started, and its control socket is not open yet',
      'sudo hubctl config check; sudo journalctl -u hub-agent -n 50',
    );
  }
  if (state.conditionFailed && !flashed)
    return fail('this hub was not flashed: /etc/hub-agent/identity.json is missing', 'ls -l /etc/hub-agent');
  const words = `it does not run (systemd: ${activeState}, ${result}, exit status ${exitStatus})`;
  if (result === 'exit-code') return fail(words, `sudo hubctl config check; ${LAST_WORDS}; ${RESTART}`);
  return fail(words, `sudo systemctl ${unitFileState === 'disabled' ? 'enable --now' : 'start'} hub-agent`);
}

export const agentCheck: Check = {
  name: 'agent',
  why: 'The agent is what connects locks and cloud.',
  async run({ agent, service, ports }) {
    const { status, problem } = await agent();
    if (!status) {
      const flashed = async () => (await ports.paths.denial(join(ports.etc, 'hub-agent', 'identity.json'), 'none')) === null;
      return unansweredFinding(problem) ?? downFinding(await service(), await flashed());
    }
    const words = `version ${status.agent.version} runs, pid ${status.agent.pid}`;
    const faults = faultFindings(status.agent).map(catalogued);
    const runs = faults.length === 0 ? [ok(words)] : faults.map((each) => ({ ...each, finding: `${words}; ${each.finding}` }));
    const found = [...runs, ...logFindings(status.agent).map(catalogued)];
    if ((await service())?.unitFileState !== 'disabled') return found;
    return [...found, warn('it is disabled: systemd does not start it when the hub is switched on', 'sudo systemctl enable hub-agent')];
  },
};

export const clockCheck: Check = {
  name: 'clock',
  why: 'With a wrong clock certificates count as expired or not yet valid.',
  async run({ ports }) {
    const nowMs = ports.wallClock.nowMs();
    if (nowMs < ports.builtAtMs) return catalogued(hostFinding('clock_before_build', { nowMs }));
    const synchronized = await ports.host(ports.places.stateDirectory).clockSynchronized();
    if (synchronized === false) {
      const finding = catalogued(hostFinding('clock_unset', {}));
      return { ...finding, finding: `it shows ${utc(nowMs)}; ${finding.finding}` };
    }
    return ok(`${utc(nowMs)}, ${synchronized ? 'set from the network' : 'the host does not tell whether it is set'}`);
  },
};

export const diskCheck: Check = {
  name: 'disk',
  why: 'A command that cannot be written to the journal is not run.',
  async run({ ports }) {
    const { stateDirectory } = ports.places;
    const { disk } = await ports.host(stateDirectory).collect();
    if (disk.availableBytes === null || disk.totalBytes === null) return skipped(`${stateDirectory} cannot be looked at`);
    const room = { path: stateDirectory, ...disk };
    const free = `${bytes(disk.availableBytes)} of ${bytes(disk.totalBytes)} are free`;
    if (disk.availableBytes < FULL_BYTES) return catalogued(hostFinding('disk_full', room));
    if ((await ports.paths.denial(stateDirectory, 'write')) === 'EROFS')
      return catalogued(hostFinding('disk_read_only', { path: stateDirectory }));
    if (isDiskLow(disk.availableBytes, disk.totalBytes)) return catalogued(hostFinding('disk_low', room));
    return ok(free);
  },
};

export const memoryCheck: Check = {
  name: 'memory',
  why: 'The kernel ends the largest process when memory runs out.',
  async run({ ports, agent }) {
    const { memory } = await ports.host(ports.places.stateDirectory).collect();
    const { status } = await agent();
    const rss = status?.agent.rssBytes ?? null;
    const findings: Finding[] = [];
    if (isMemoryLow(memory.availableBytes, memory.totalBytes)) {
      findings.push(catalogued(hostFinding('memory_low', { availableBytes: memory.availableBytes })));
    }
    if (rss !== null && rss > AGENT_HIGH_BYTES) {
      findings.push(catalogued(hostFinding('memory_agent_high', { rssBytes: rss })));
    }
    if (findings.length > 0) return findings;
    const available = memory.availableBytes === null ? 'unknown' : `${bytes(memory.availableBytes)} available`;
    return ok(`${available}${rss === null ? '' : `, the agent uses ${bytes(rss)}`}`);
  },
};

export const watchdogCheck: Check = {
  name: 'watchdog',
  why: 'An agent that systemd had to end or start again has a fault that comes back.',
  async run({ ports, service }) {
    const lines: string[] = [];
    const [state, any] = await Promise.all([
      service(),
      ports.journal({ lines: HISTORY_LINES, follow: false, grep: 'Watchdog timeout|Failed with result' }, (line) => void lines.push(line)),
    ]);
    if (!state) return skipped('there is no systemd service hub-agent here');
    const watchdogs = lines.filter((line) => line.includes('Watchdog')).length;
    if (state.result === 'watchdog' || watchdogs > 0) {
      return fail(`its watchdog ended the agent${watchdogs > 0 ? ` ${watchdogs} times` : ''}: it hung`, 'sudo hubctl bundle');
    }
    if (isSilent(state)) return warn('systemd does not answer: how often it was started again is not known', FORCED_REBOOT);
    if (state.restarts > 0)
      return warn(`systemd started the agent again ${state.restarts} times since it was started`, 'sudo hubctl logs; sudo hubctl bundle');
    if (any === null)
      return warn('systemd has not started it again; the journal does not answer', 'sudo systemctl restart systemd-journald');
    // journalctl shows to others than root, and its own groups, nothing of the service (journalctl(1)).
    if (!any && !ports.isRoot) return skipped('systemd has not started it again; what was before stands in the journal: use sudo');
    return ok('it was never started again');
  },
};

export const versionCheck: Check = {
  name: 'version',
  why: 'After an update the old agent runs until it is restarted.',
  async run({ ports, agent }) {
    const { status } = await agent();
    if (!status) return ok(`hubctl ${ports.version}, Node ${process.versions.node}`);
    if (status.agent.version === ports.version) return ok(`${ports.version}, Node ${process.versions.node}`);
    return warn(`the agent runs ${status.agent.version}, installed is ${ports.version}`, 'sudo systemctl restart hub-agent');
  },
};
