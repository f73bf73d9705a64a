import { join } from 'node:path';
import { messageOf } from '../system/errors.ts';
import type { FileFault } from '../system/file-faults.ts';
import type { Log } from '../system/log.ts';
import { type Found, readRecord } from '../system/records.ts';
import { forgetState, type ResetFiles } from './forget-state.ts';
import { hubIdCopy, ownerBy, parseHubId, parseHubIdCopy } from './hub-id.ts';
import { HUB_ID_COPY, HUB_ID_FILE } from './layout.ts';

const idOf = (found: Found<string>) => (found.state === 'sound' ? found.value : null);

/**
 * Sees to it that the state is this hub's own: a board that is flashed as another hub, or an image that ran before it was copied, would show the
 * former one's claim and deliver its answers. Such a state is forgotten as by a factory reset; one whose owner is damaged is not: the damage is
 * logged and mended. When the copy is sound and nearly equals `hubId`, it is `identity.json` that is damaged: the files stay as they are, and that is
 * reported as a file fault. Two small writes in the life of a hub. Never throws.
 */
export async function ownState(
  files: ResetFiles,
  deps: { stateDirectory: string; hubId: string; log: Log; onFault?: ((fault: FileFault) => void) | undefined },
): Promise<void> {
  const { stateDirectory, log } = deps;
  const hubId = deps.hubId.toLowerCase();
  const idPath = join(stateDirectory, HUB_ID_FILE);
  const copyPath = join(stateDirectory, HUB_ID_COPY);
  const event = 'hub_id_damaged';
  const means = 'the id of the hub in the state directory is damaged; it is written again, and nothing is forgotten';

  async function look() {
    const [id, copy] = await Promise.all([
      readRecord({ files, log }, { path: idPath, parse: parseHubId, event, means }),
      readRecord({ files, log }, { path: copyPath, parse: parseHubIdCopy, event, means }),
    ]);
    return { id, copy, owner: ownerBy(idOf(id), idOf(copy), hubId) };
  }

  try {
    let found = await look();
    // Read twice: what is forgotten does not come back.
    if (found.owner === 'other') found = await look();
    const { id, copy, owner } = found;
    if (owner === 'other') {
      log.warn({ event: 'state_of_another_hub', owner: idOf(copy) ?? idOf(id) }, 'the state of another hub is forgotten');
      await forgetState(files, stateDirectory, 'factory', log);
    } else if (owner === 'unknown' && copy.state === 'sound') {
      log.error(
        { event: 'identity_damaged', hubId, expected: copy.value, path: copyPath },
        'the hubId of identity.json differs in a bit or two from the one that the state was kept for; nothing is forgotten',
      );
      deps.onFault?.({ path: copyPath, operation: 'verify', code: 'ID_MISMATCH' });
      if (idOf(id) !== copy.value) await files.writeAtomic(idPath, copy.value);
      return;
    } else if (id.state === 'sound' && idOf(id) !== hubId) {
      log.error({ event, path: idPath, reason: 'it is well-formed and wrong' }, means);
    }
    // The copy first: an id without its copy would be checked against nothing.
    if (idOf(copy) !== hubId) await files.writeAtomic(copyPath, hubIdCopy(hubId));
    if (idOf(id) !== hubId) await files.writeAtomic(idPath, deps.hubId);
  } catch (error) {
    log.error({ event: 'state_owner_unknown', reason: messageOf(error) }, 'the owner of the state can be neither determined nor stored');
  }
}
