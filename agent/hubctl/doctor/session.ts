import type { StatusReport } from '../../control/api.ts';
import type { AgentError } from '../cli/client.ts';
import { isAtRest, type ServiceState } from '../machine/service-state.ts';

/** A look at every topic takes a few seconds, more where some are refused. */
const LOOK_MS = 15_000;

/**
 * Whether hubctl may connect to the cloud as this hub: AWS IoT ends a session when another client comes with its client id. An agent that
 * loses its session so waits for a minute and counts a copy of its certificate; one that is thrown out by hubctl is no better off.
 *
 * Only when the agent surely does not connect meanwhile: it waits for long enough by its own status, or surely does not run. `stopped` proves
 * nothing of the kind: it starts, ends, or lets the proof of a Wi-Fi change connect in its place. An agent without its socket is one that
 * systemd still knows.
 */
export async function mayTakeSession(
  agent: { status: StatusReport | null; problem: AgentError | null },
  service: () => Promise<ServiceState | null>,
): Promise<boolean> {
  if (agent.status) {
    const { phase, nextAttemptMs } = agent.status.cloud;
    return phase === 'waiting' && (nextAttemptMs ?? 0) > LOOK_MS;
  }
  if (agent.problem?.problem !== 'down') return false;
  return isAtRest(await service());
}
