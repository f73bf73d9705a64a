import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The cache that systemd keeps beside the state directory of the package (systemd.exec(5), `CacheDirectory=`); null beside any other. */
const cacheBeside = (stateDirectory: string) => /^(.*\/var)\/lib\/hub-agent$/.exec(stateDirectory)?.[1]?.concat('/cache/hub-agent') ?? null;

/**
 * Removes the cache that an older agent left. It belongs to the agent's user, so rm(1) does it: it follows no link that is put in its way while it
 * walks, which Node's `rm` does not promise. Rejects when something is left.
 */
export async function forgetCache(stateDirectory: string): Promise<void> {
  const folder = cacheBeside(stateDirectory);
  if (folder !== null) await promisify(execFile)('rm', ['-rf', '--', folder]);
}
