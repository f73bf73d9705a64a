import { join } from 'node:path';
import { ZIGBEE_FOLDER } from '../../../state/layout.ts';

/** The files of one Zigbee bus: `zigbee/<bus>/` in the state directory, private to the agent, since most of them hold the network key. */
export interface ZigbeePlaces {
  folder: string;
  /** The agent's record of the network, and the same once more. */
  record: string;
  recordCopy: string;
  /** What the library writes. */
  database: string;
  databaseBackup: string;
  backup: string;
  /** The last good ones of both, on the disk for certain. */
  databaseCopy: string;
  backupCopy: string;
  /** What the devices reported, with the time of each. */
  reports: string;
  /** What `hubctl zigbee form --replace` put away. */
  previous: string;
  /** What it is putting away; after a power cut it goes back. */
  archiving: string;
}

export function zigbeePlaces(stateDirectory: string, bus: string): ZigbeePlaces {
  const folder = join(stateDirectory, ZIGBEE_FOLDER, bus);
  const at = (name: string) => join(folder, name);
  return {
    folder,
    record: at('network.json'),
    recordCopy: at('network.copy.json'),
    database: at('database.db'),
    databaseBackup: at('database.db.backup'),
    backup: at('coordinator_backup.json'),
    databaseCopy: at('database.copy'),
    backupCopy: at('backup.copy'),
    reports: at('reports.json'),
    previous: at('previous'),
    archiving: at('previous.new'),
  };
}
