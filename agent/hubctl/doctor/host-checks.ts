import { join } from 'node:path';
import { faultFindings, logFindings } from '../../health/agent.ts';
import { hostFinding } from '../../health/host.ts';
import { isDiskLow, isMemoryLow } from '../../health/limits.ts';
import { type ServiceCode, type ServiceParams, serviceFinding } from '../../health/service.ts';
import { bytes, utc } from '../../system/units.ts';
import type { AgentError, AgentProblem } from '../cli/client.ts';
import { isMasked, isSilent, type ServiceState } from '../machine/service-state.ts';
import { type Check, catalogued, type Finding, ok, skipped } from './check.ts';

/** An atomic write fails soon. */
const FULL_BYTES = 5_000_000;
/** The unit's MemoryHigh is 192 MiB: from there on the kernel slows the agent down. */
const AGENT_HIGH_BYTES = 180_000_000;
/** Enough for some weeks. */
const HISTORY_LINES = 20;
/** systemd logs how each run of a unit failed: the message of this id, with the result in a field (systemd.journal-fields(7), `sd-messages.h`). */
const FAILURES = { messageId: 'd9b373ed55a64feb8242e02dbe79a49c', field: 'UNIT_RESULT' };
/** The result of a unit that its watchdog ended (systemd.exec(5), "$SERVICE_RESULT"). */
const WATCHDOG = 'watchdog';

const service = <Code extends ServiceCode>(code: Code, params: ServiceParams[Code]) => catalogued(serviceFinding(code, params));

/** An agent that does not do what it is asked, by what its sockets say. Null: no process listens there. */
const UNANSWERED: Readonly<Record<AgentProblem, ((error: AgentError) => Finding) | null>> = {
  forbidden: ({ message }) => service('agent_forbidden', { message }),
  hung: () => service('agent_hung', {}),
  busy: () => service('agent_busy', {}),
  unclear: ({ message }) => service('agent_unclear', { message }),
  unreachable: ({ message }) => service('agent_unreachable', { message }),
  down: null,
  refused: null,
};

/** No process listens on the control socket: what systemd reports about it. */
function downFinding(state: ServiceState | null, flashed: boolean): Finding {
  if (state === null) return service('service_absent', {});
  if (isSilent(state)) return service('systemd_silent', { pid: state.pid });
  const { activeState, subState, restarts, unitFileState } = state;
  if (activeState === 'active') return service('agent_socket_closed', {});
  if (isMasked(state)) return service('service_masked', { runtime: unitFileState === 'masked-runtime' });
  if (activeState === 'activating' || subState === 'auto-restart') {
    return restarts > 0 ? service('service_restarting', { restarts }) : service('service_starting', {});
  }
  return state.conditionFailed && !flashed ? service('service_no_identity', {}) : service('service_stopped', state);
}

export const agentCheck: Check = {
  name: 'agent',
  why: 'The agent connects the locks to the cloud.',
  async run({ agent, service: askService, ports }) {
    const { status, problem } = await agent();
    if (!status) {
      const flashed = async () => (await ports.paths.denial(join(ports.etc, 'hub-agent', 'identity.json'), 'none')) === null;
      return UNANSWERED[problem.problem]?.(problem) ?? downFinding(await askService(), await flashed());
    }
    const words = `version ${status.agent.version} runs, pid ${status.agent.pid}`;
    const faults = faultFindings(status.agent).map(catalogued);
    const runs = faults.length === 0 ? [ok(words)] : faults.map((each) => ({ ...each, finding: `${words}; ${each.finding}` }));
    const found = [...runs, ...logFindings(status.agent).map(catalogued)];
    return (await askService())?.unitFileState === 'disabled' ? [...found, service('service_disabled', {})] : found;
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
  async run({ ports, service: askService }) {
    const results: string[] = [];
    const [state, any] = await Promise.all([
      askService(),
      ports.journal({ lines: HISTORY_LINES, follow: false, only: FAILURES }, (line) => void results.push(line)),
    ]);
    if (!state) return skipped('there is no systemd service hub-agent here');
    const count = results.filter((result) => result === WATCHDOG).length;
    if (state.result === WATCHDOG || count > 0) return service('service_watchdog', { count });
    if (isSilent(state)) return service('service_history_unknown', {});
    if (state.restarts > 0) return service('service_restarted', { restarts: state.restarts });
    if (any === null) return service('journal_silent', {});
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
    return service('agent_outdated', { running: status.agent.version, installed: ports.version });
  },
};
