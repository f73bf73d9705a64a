import { HEALTHY } from '../../../unit/hubctl/fixtures.ts';
import { agent, RUNNING, silentAgent } from '../agents.ts';
import { type Fault, host } from '../examine.ts';

/** Faults of the service, its watchdog, its memory and its version, and what the doctor must say of each. */
export const SERVICE_FAULTS: readonly Fault[] = [
  { what: 'the agent does not run', check: 'agent', finding: /does not run/, remedy: /systemctl start/ },
  {
    what: 'an agent that may not be asked',
    check: 'agent',
    status: 'warn',
    ports: () => silentAgent('forbidden'),
    finding: /forbidden/,
    remedy: /sudo hubctl/,
  },
  {
    what: 'an agent that lost its socket',
    check: 'agent',
    ports: () => ({ ...silentAgent('down'), service: async () => RUNNING }),
    finding: /it runs, and its control socket is closed/,
    remedy: /logs/,
  },
  {
    what: 'an agent to which there is no way',
    check: 'agent',
    ports: () => silentAgent('unreachable'),
    finding: /unreachable/,
    remedy: /restart/,
  },
  {
    what: 'an agent that takes no more connections',
    check: 'agent',
    ports: () => silentAgent('busy'),
    finding: /takes no more connections/,
    remedy: /pgrep -af hubctl/,
  },
  {
    what: 'a journal that only root sees',
    check: 'watchdog',
    status: 'skipped',
    ports: () => ({ isRoot: false, service: async () => RUNNING, journal: async () => false }),
    finding: /stands in the journal: use sudo/,
    remedy: /^$/,
  },
  {
    what: 'a watchdog that had to end the agent',
    check: 'watchdog',
    ports: () => ({
      service: async () => ({ ...RUNNING, restarts: 2 }),
      journal: async ({ only }, onLine) => {
        if (only?.field !== 'UNIT_RESULT') return false;
        for (const result of ['exit-code', 'watchdog']) onLine(result);
        return true;
      },
    }),
    finding: /watchdog ended the agent once/,
    remedy: /bundle/,
  },
  {
    what: 'an agent that is started again and again',
    check: 'watchdog',
    status: 'warn',
    ports: () => ({
      service: async () => ({ ...RUNNING, restarts: 7, exitStatus: 70 }),
      journal: async () => false,
    }),
    finding: /again 7 times/,
    remedy: /logs/,
  },
  {
    what: 'memory that runs out',
    check: 'memory',
    ports: () => host({ memory: { totalBytes: 5e8, availableBytes: 1e7, agentRssBytes: null } }),
    finding: /only 10 MB/,
    remedy: /ps aux/,
  },
  {
    what: 'an agent that grows',
    check: 'memory',
    status: 'warn',
    ports: () => agent({ status: { ...HEALTHY, agent: { ...HEALTHY.agent, rssBytes: 240_000_000 } } }),
    finding: /240 MB/,
    remedy: /bundle/,
  },
  {
    what: 'an agent older than what is installed',
    check: 'version',
    status: 'warn',
    ports: () => agent({}),
    finding: /runs 1\.2\.3/,
    remedy: /restart/,
  },
];
