import { readFile, stat } from 'node:fs/promises';
import { messageOf } from '../../../agent/system/errors.ts';
import type { Ending } from '../ending.ts';
import type { Screen } from '../screen.ts';
import type { Catalogue } from './model/catalogue.ts';
import { MAX_FILE_BYTES, unpackRecording } from './recording.ts';
import { servePage } from './server/server.ts';

/** Serves a saved run until the end is asked for. @throws Error for a file that is no recording, with what is wrong */
export async function replay(file: string, screen: Screen, ending: Ending): Promise<number> {
  const { head, base, lines } = await load(file);
  const catalogue: Catalogue = { mode: 'replay', calls: [], faults: [], targets: [], savedAt: head.savedAt };
  const recorded = { base, lines };
  const recorder = { record() {}, recorded: () => recorded, follow: () => ({ recorded, end() {} }) };
  await using server = await servePage({ recorder, catalogue, actions: {}, nowMs: Date.now });
  screen.title('A recorded run');
  screen.fact('saved', new Date(head.savedAt).toISOString());
  screen.fact('events', String(lines.length));
  screen.title('Open it in a browser (Ctrl-C ends it):');
  screen.line(server.address);
  await ending.asked;
  screen.line('stopped.');
  return 0;
}

async function load(file: string) {
  try {
    const found = await stat(file);
    if (!found.isFile()) throw new Error('this is no file; a recording is one');
    const { size } = found;
    if (size > MAX_FILE_BYTES) throw new Error(`the file has ${size} bytes; a recording has at most ${MAX_FILE_BYTES}`);
    return unpackRecording(await readFile(file));
  } catch (error) {
    throw new Error(`--replay ${file}: ${messageOf(error)}`);
  }
}
