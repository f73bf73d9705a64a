import { join } from 'node:path';
import type { Files } from '../../../system/files.ts';
import { isDenied, isInTheWay } from '../../../system/records.ts';
import type { ZigbeePlaces } from './places.ts';

/** Puts the files of a network away, all of them or none. */
export interface Archive {
  /**
   * Moves everything into `previous`, in place of what is there. Nothing is read or copied: a file that cannot be read is kept too.
   * @throws what the file system throws; then everything is where it was, or `resume` brings it back
   */
  putAway(): Promise<void>;
  /** Brings back what a power cut, or a disk that failed, left half put away. @throws what the file system throws */
  resume(): Promise<void>;
}

const ABOUT = 'README';
const ABOUT_TEXT = 'The files of the Zigbee network that "hubctl zigbee form --replace" gave up. They contain its key.\n';

export function createArchive({ files, places }: { files: Files; places: ZigbeePlaces }): Archive {
  const { folder, previous, archiving } = places;

  /** A link or a file of that name is no half of an archive. */
  async function halfDone(): Promise<string[]> {
    try {
      return await files.list(archiving);
    } catch (error) {
      if (isInTheWay(error) && !isDenied(error)) return [];
      throw error;
    }
  }

  async function resume(): Promise<void> {
    const names = await halfDone();
    if (names.length === 0) return;
    for (const name of names) if (name !== ABOUT) await files.rename(join(archiving, name), join(folder, name));
    await files.remove(archiving);
  }

  return {
    resume,

    async putAway() {
      await resume();
      await files.remove(archiving);
      const names = (await files.list(folder)).filter((name) => join(folder, name) !== previous);
      // It makes the folder, and shows that the disk takes a write, before anything is moved.
      await files.writeAtomic(join(archiving, ABOUT), ABOUT_TEXT);
      try {
        for (const name of names) await files.rename(join(folder, name), join(archiving, name));
      } catch (error) {
        await resume().catch(() => {});
        throw error;
      }
      await files.remove(previous);
      await files.rename(archiving, previous);
    },
  };
}
