import type { FileFault } from '../system/file-faults.ts';
import { type Entries, finder, type HealthFinding, lookUp } from './finding.ts';
import { DOCTOR } from './remedies.ts';

const WORDS: Readonly<Record<FileFault['operation'], string>> = {
  read: 'read',
  writeAtomic: 'write',
  list: 'list',
  remove: 'remove',
  rename: 'rename',
  removeTorn: 'clear up',
  verify: 'verify',
};

/** What can be wrong with the agent's own files. */
export interface FilesParams {
  files_failing: { faults: readonly FileFault[] };
}

/** One fault as a sentence. */
export function fileFaultText({ path, operation, code }: FileFault): string {
  if (code === 'ID_MISMATCH') return `hubId in identity.json is damaged: it differs in a bit or two from ${path}`;
  return `the agent cannot ${lookUp(WORDS, operation, operation)} ${path} (${code})`;
}

export const FILES: Entries<FilesParams> = {
  files_failing: {
    severity: 'fail',
    text: ({ faults }) => {
      const more = faults.length > 1 ? `, and ${faults.length - 1} more` : '';
      return `${fileFaultText(faults.at(-1)!)}${more}`;
    },
    remedy: () => `${DOCTOR} --check files`,
    next: `${DOCTOR} --check files`,
  },
};

export type FilesCode = keyof FilesParams;
const found = finder(FILES);

/** Those that stand: what could not be read is set aside, or reported where it is needed. */
export const standingFaults = (faults: readonly FileFault[]): FileFault[] => faults.filter(({ operation }) => operation !== 'read');

/** What the agent cannot do with its files; without them it runs no command. An older agent does not say. */
export function filesFindings({ fileFaults = [] }: { fileFaults?: readonly FileFault[] }): HealthFinding<FilesCode>[] {
  const faults = standingFaults(fileFaults);
  return faults.length === 0 ? [] : [found('files_failing', { faults })];
}
