import { configError } from '../config/problems.ts';
import { foreignOwner } from '../system/become-owner.ts';

/**
 * An agent that root starts by hand over the service's state would leave files there that the service can neither read nor write.
 * @throws HubError `config_invalid` with the command that starts it rightly
 */
export async function refuseAsRoot(stateDirectory: string, file: string): Promise<void> {
  if (process.geteuid?.() !== 0) return;
  const owner = await foreignOwner(stateDirectory);
  if (owner === null) return;
  const message = `${stateDirectory} belongs to uid ${owner.uid}, and this agent was started as root: the service could not read what it writes there`;
  throw configError([{ file, field: 'stateDirectory', message, remedy: 'Start the service instead: sudo systemctl start hub-agent' }]);
}
