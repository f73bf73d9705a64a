import type { NodesResult } from '../../../agent/contract/node.ts';
import type { BusTrace } from '../../../agent/contract/trace.ts';
import type { StatusReport, WifiReport } from '../../../agent/control/api.ts';
import { type AgentClient, AgentError, type AgentProblem } from '../../../agent/hubctl/cli/client.ts';
import type { DoctorPorts } from '../../../agent/hubctl/doctor/check.ts';
import { type ServiceState, SILENT_SYSTEMD } from '../../../agent/hubctl/machine/service-state.ts';
import { HEALTHY, NODES } from '../../unit/hubctl/fixtures.ts';

/** What an agent answers; what is left out is healthy. */
export interface Answers {
  status?: StatusReport;
  nodes?: NodesResult;
  wifi?: WifiReport;
  trace?: Partial<BusTrace>[];
}

/** An agent that answers what a test wants. */
export function agent(answers: Answers): Partial<DoctorPorts> {
  const client: AgentClient = {
    async get<T>(path: string) {
      const answer = path === '/v1/nodes' ? answers.nodes : path === '/v1/wifi' ? answers.wifi : (answers.status ?? HEALTHY);
      return answer as T;
    },
    change: async () => Promise.reject(new Error('not here')),
    async lines({ signal }, onLine) {
      for (const line of answers.trace ?? []) onLine(JSON.stringify(line));
      if (!signal?.aborted) await new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
    },
  };
  return { client };
}

/** An agent that does not do what it is asked. */
export function silentAgent(problem: AgentProblem): Partial<DoctorPorts> {
  const refuse = async () => Promise.reject(new AgentError(problem, `it is ${problem}`));
  return { client: { get: refuse, change: refuse, lines: refuse } };
}

/** A bus that is up and on which nothing answers. */
export const SILENT_BUS: NodesResult = {
  ...NODES,
  nodes: [],
  total: 0,
  available: 0,
  buses: [{ id: 'rs485', protocol: 'osdp', state: 'up' }],
};

/** The service as systemd shows it while the agent runs. */
export const RUNNING: ServiceState = {
  ...SILENT_SYSTEMD,
  loadState: 'loaded',
  activeState: 'active',
  subState: 'running',
  result: 'success',
  unitFileState: 'enabled',
};
