import { join } from 'node:path';
import { WIFI_CHANGE_FILE } from '../../state/layout.ts';
import { FORGET_WIFI } from '../../state/reset-notes.ts';
import type { Files } from '../../system/files.ts';
import type { Log } from '../../system/log.ts';
import { readRecord } from '../../system/records.ts';
import { parsed, type Schema } from '../../system/schema.ts';
import { parseSealed, sealed } from '../../system/seal.ts';

/** What a change leaves on disk while it runs, so that the next start can tell its traces from others'. No SSID, no secret. */
export interface ChangeMarker {
  /** The candidate profile's. */
  uuid: string;
  interfaceName: string;
  /** The profile that was active before, to go back to by hand where NetworkManager does not by itself. */
  previousUuid: string | null;
}

export interface ChangeMarkerFile {
  /** Null without a change in flight, or one that was cut and kept and is not answered yet; a damaged file is logged and counts as none, the profiles tell. */
  read(): Promise<ChangeMarker | null>;
  write(marker: ChangeMarker): Promise<void>;
  remove(): Promise<void>;
}

const SCHEMA: Schema = {
  type: 'object',
  properties: { uuid: { type: 'string' }, interfaceName: { type: 'string' }, previousUuid: { type: ['string', 'null'] } },
  required: ['uuid', 'interfaceName', 'previousUuid'],
};

const parse = (data: Buffer) => parsed<ChangeMarker>(SCHEMA, parseSealed(data), 'not a marker');

/** The marker in the agent's state directory; written twice a change, never on an idle hub. */
export function createChangeMarkerFile(files: Files, stateDirectory: string, log: Log): ChangeMarkerFile {
  const path = join(stateDirectory, WIFI_CHANGE_FILE);
  return {
    async read() {
      const means = 'the marker of a Wi-Fi change is damaged; what is left of the change is found by its profiles';
      const found = await readRecord({ files, log }, { path, parse, event: 'wifi_marker_damaged', means });
      return found.state === 'sound' ? found.value : null;
    },
    write: (marker) => files.writeAtomic(path, JSON.stringify(sealed(marker))),
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
