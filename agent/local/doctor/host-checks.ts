import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { bytes, utc } from '../cli/text.ts';
import { isSilent } from '../service-state.ts';
import { type Check, type Finding, fail, ok, skipped, warn } from './check.ts';

/** The journal, the node table and an atomic write need little; a system that updates itself needs more. */
const FULL_BYTES = 5_000_000;
const LOW_BYTES = 50_000_000;
const LOW_SHARE = 0.05;
/** The unit's MemoryMax is 256 MB. */
const AGENT_HIGH_BYTES = 220_000_000;
const LOW_MEMORY_BYTES = 32_000_000;
/** As many lines as tell of some weeks. */
const HISTORY_LINES = 20;

export const agentCheck: Check = {
  name: 'agent',
  why: 'The agent is what connects locks and cloud.',
  async run({ agent, service }) {
    const { status, problem } = await agent();
    if (status) return ok(`version ${status.agent.version} runs, pid ${status.agent.pid}`);
    const state = await service();
    if (problem.problem === 'forbidden') return warn(problem.message, 'sudo hubctl doctor');
    if (problem.problem === 'hung') return fail('it runs and does not answer', 'sudo systemctl restart hub-agent; then hubctl bundle');
    if (problem.problem === 'busy')
      return fail('it runs and takes no more connections', 'End another hubctl; or sudo systemctl restart hub-agent');
    if (problem.problem === 'unreachable') return fail(problem.message, 'hubctl logs; then sudo systemctl restart hub-agent');
    if (state?.activeState === 'active')
      return fail('it runs, and nobody listens on its control socket', 'hubctl logs; then sudo systemctl restart hub-agent');
    if (isSilent(state))
      return fail('nobody listens on its control socket, and systemd does not answer', 'sudo reboot, if systemctl status hangs');
    const words = state ? ` (systemd: ${state.activeState}, ${state.result}, exit status ${state.exitStatus})` : '';
    return fail(
      `it does not run${words}`,
      state?.result === 'exit-code' ? 'hubctl logs; then sudo systemctl restart hub-agent' : 'sudo systemctl start hub-agent',
    );
  },
};

export const clockCheck: Check = {
  name: 'clock',
  why: 'With a wrong clock certificates count as expired or not yet valid.',
  async run({ ports }) {
    const nowMs = ports.wallClock.nowMs();
    const remedy = 'timedatectl; sudo timedatectl set-ntp true; sudo systemctl restart systemd-timesyncd';
    if (nowMs < ports.builtAtMs) return fail(`it shows ${utc(nowMs)}, before this agent was built`, remedy);
    const synchronized = await ports.host(ports.places.stateDirectory).clockSynchronized();
    if (synchronized === false) return warn(`it shows ${utc(nowMs)}, and was not set from the network since the start`, remedy);
    return ok(`${utc(nowMs)}, ${synchronized ? 'set from the network' : 'nobody says whether it is set'}`);
  },
};

export const diskCheck: Check = {
  name: 'disk',
  why: 'A command that cannot be written to the journal is not run.',
  async run({ ports }) {
    const { stateDirectory } = ports.places;
    const { disk } = await ports.host(stateDirectory).collect();
    const remedy = `df -h ${stateDirectory}; sudo journalctl --vacuum-size=20M`;
    if (disk.availableBytes === null || disk.totalBytes === null) return skipped(`${stateDirectory} cannot be looked at`);
    const free = `${bytes(disk.availableBytes)} of ${bytes(disk.totalBytes)} are free`;
    if (disk.availableBytes < FULL_BYTES) return fail(`the disk of ${stateDirectory} is full: ${free}`, remedy);
    const writable = await access(stateDirectory, constants.W_OK).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== 'EROFS',
    );
    if (!writable)
      return fail(`the disk of ${stateDirectory} is read-only`, `sudo dmesg | tail -50; sudo mount -o remount,rw ${stateDirectory}`);
    if (disk.availableBytes < LOW_BYTES || disk.availableBytes < disk.totalBytes * LOW_SHARE)
      return warn(`the disk is nearly full: ${free}`, remedy);
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
    if (memory.availableBytes !== null && memory.availableBytes < LOW_MEMORY_BYTES) {
      findings.push(
        fail(`only ${bytes(memory.availableBytes)} are available`, 'ps aux --sort=-rss | head; sudo systemctl restart hub-agent'),
      );
    }
    if (rss !== null && rss > AGENT_HIGH_BYTES) {
      findings.push(warn(`the agent uses ${bytes(rss)}, near its limit of 256 MB`, 'hubctl bundle; then sudo systemctl restart hub-agent'));
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
    const state = await service();
    if (!state) return skipped('there is no systemd service hub-agent here');
    if (isSilent(state)) return skipped('systemd does not answer');
    const lines: string[] = [];
    const any = await ports.journal(
      { lines: HISTORY_LINES, follow: false, grep: 'Watchdog timeout|Failed with result' },
      (line) => void lines.push(line),
    );
    const watchdogs = lines.filter((line) => line.includes('Watchdog')).length;
    if (state.result === 'watchdog' || watchdogs > 0) {
      return fail(
        `its watchdog ended the agent${watchdogs > 0 ? ` ${watchdogs} times` : ''}: it hung`,
        'hubctl bundle, and send it to support',
      );
    }
    if (state.restarts > 0)
      return warn(`systemd started the agent again ${state.restarts} times since it was started`, 'hubctl logs; hubctl bundle');
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
