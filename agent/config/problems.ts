import type { CredentialReason } from '../contract/tls.ts';
import { type FieldProblem, HubError } from '../system/errors.ts';

/** Exit code for a configuration error (sysexits.h, EX_CONFIG): the service manager must not restart on it in a loop. */
export const EX_CONFIG = 78;

/** One thing that is wrong with the configuration, and what to do about it. */
export interface ConfigProblem extends FieldProblem {
  /** Absolute path of the file that has to be changed. */
  file: string;
  /** Dotted path in that file (`buses[0].path`); empty when the file as a whole is meant. */
  field: string;
  message: string;
  /** What to do, as a sentence. */
  remedy: string;
  /** What is wrong with certificate, key or authorities; absent: the document itself. */
  reason?: CredentialReason;
}

/** More problems add nothing: the file is then of another kind. */
const MAX_LISTED = 40;

/** One problem as a readable line: file, field, what is wrong, remedy. */
export function formatProblem({ file, field, message, remedy }: ConfigProblem): string {
  return `${file}${field && `: ${field}`}: ${message}. ${remedy}`;
}

/** All problems as the one error that `loadConfig` throws. `details` holds `ConfigProblem`s. */
export function configError(problems: readonly ConfigProblem[]): HubError {
  const listed = problems.slice(0, MAX_LISTED);
  const lines = listed.map((problem) => `  - ${formatProblem(problem)}`);
  if (problems.length > listed.length) lines.push(`  - and ${problems.length - listed.length} more`);
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new HubError('config_invalid', `The configuration has ${count}:\n${lines.join('\n')}`, { details: listed });
}

/** `['buses', 0, 'path']` as `buses[0].path`. */
export function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}
