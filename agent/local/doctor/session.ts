import type { StatusReport } from '../api.ts';
import type { AgentError } from '../cli/client.ts';
import { isAtRest, type ServiceState } from '../service-state.ts';

/**
 * Whether hubctl may connect to the cloud as this hub: AWS IoT ends the session of the agent when another client comes with its client id.
 * Only when the agent says that it has no session, or surely does not run: an agent without its socket is one that systemd still knows.
 */
export async function mayTakeSession(
  agent: { status: StatusReport | null; problem: AgentError | null },
  service: () => Promise<ServiceState | null>,
): Promise<boolean> {
  if (agent.status) return agent.status.cloud.phase !== 'connected';
  if (agent.problem?.problem !== 'down') return false;
  return isAtRest(await service());
}
