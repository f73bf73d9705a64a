import { join } from 'node:path';
import * as z from 'zod';
import { FORGET_WIFI } from '../../state/reset-notes.ts';
import type { Files } from '../../system/files.ts';
import { INTERPRETED } from '../../system/parse-options.ts';

/** What a change leaves on disk while it runs, so that the next start can tell its traces from others'. No SSID, no secret. */
export interface ChangeMarker {
  /** The candidate profile's. */
  uuid: string;
  interfaceName: string;
  /** The profile that was active before, to go back to by hand where NetworkManager does not by itself. */
  previousUuid: string | null;
}

export interface ChangeMarkerFile {
  /** Null without a change in flight, or one that was cut and kept and is not answered yet; a torn or foreign file counts as none, the profiles themselves still tell. */
  read(): Promise<ChangeMarker | null>;
  write(marker: ChangeMarker): Promise<void>;
  remove(): Promise<void>;
}

const FILE_NAME = 'wifi-change.json';
const schema = z.object({ uuid: z.string(), interfaceName: z.string(), previousUuid: z.string().nullable() });

/** The marker in the agent's state directory; written twice a change, never on an idle hub. */
export function createChangeMarkerFile(files: Files, stateDirectory: string): ChangeMarkerFile {
  const path = join(stateDirectory, FILE_NAME);
  return {
    async read() {
      const data = await files.read(path);
      if (!data) return null;
      try {
        return schema.parse(JSON.parse(data.toString('utf8')), INTERPRETED);
      } catch {
        return null;
      }
    },
    write: (marker) => files.writeAtomic(path, JSON.stringify(marker)),
    remove: () => files.remove(path),
  };
}

/** The note of a factory reset that NetworkManager has not forgotten the agent's profiles yet. */
export interface ForgetNote {
  stands(): Promise<boolean>;
  remove(): Promise<void>;
}

/** The note in the agent's state directory. It is looked for by its name: root may have written it. */
export function createForgetNote(files: Files, stateDirectory: string): ForgetNote {
  return {
    stands: async () => (await files.list(stateDirectory)).includes(FORGET_WIFI),
    remove: () => files.remove(join(stateDirectory, FORGET_WIFI)),
  };
}
