import { join } from 'node:path';
import { messageOf } from '../system/errors.ts';
import type { Files } from '../system/files.ts';
import type { Log } from '../system/log.ts';
import { forgetState } from './forget-state.ts';

/** Names the hub whose state the directory holds. */
const OWNER = 'hub-id';

/**
 * Sees to it that the state is this hub's own: a board that is flashed as another hub, or an image that ran before it was copied, would show the
 * former one's claim and deliver its answers. Such a state is forgotten as by a factory reset. One small write in the life of a hub. Never throws.
 */
export async function ownState(
  files: Pick<Files, 'list' | 'read' | 'writeAtomic' | 'remove'>,
  { stateDirectory, hubId, log }: { stateDirectory: string; hubId: string; log: Log },
): Promise<void> {
  const path = join(stateDirectory, OWNER);
  try {
    const owner = (await files.read(path))?.toString('utf8').trim();
    if (owner === hubId) return;
    // Nothing there: a first start, which takes what it finds.
    if (owner) {
      log.warn({ event: 'state_of_another_hub', owner: owner.slice(0, 64) }, 'the state of another hub is forgotten');
      await forgetState(files, stateDirectory, 'factory');
    }
    await files.writeAtomic(path, hubId);
  } catch (error) {
    log.error({ event: 'state_owner_unknown', reason: messageOf(error) }, 'whose the state is cannot be told or kept');
  }
}
