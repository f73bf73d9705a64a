import type { Files } from '../../system/files.ts';
import type { Places } from './locate.ts';

/**
 * One line for a person when `agent.json` or `identity.json` has problems: state directory and socket may then not be those that its writer meant.
 * Null when both are right, or this user may not read them. Never throws.
 */
export async function configNotice(
  { configPath, identityPath, unreadable }: Pick<Places, 'configPath' | 'identityPath' | 'unreadable'>,
  files: Pick<Files, 'read'>,
): Promise<string | null> {
  // Not at the start: a hubctl whose agent runs does without the schemas.
  const { loadDocument } = await import('../../config/document.ts');
  const documents = [
    [configPath, 'agent'],
    [identityPath, 'identity'],
  ] as const;
  const readable = documents.filter(([path]) => !unreadable.includes(path));
  const loaded = await Promise.all(readable.map(([path, kind]) => loadDocument(files, path, kind)));
  const wrong = loaded.filter(({ problems }) => problems.length > 0).map(({ file }) => file);
  if (wrong.length === 0) return null;
  const have = wrong.length === 1 ? 'has' : 'have';
  return `hubctl: ${wrong.join(' and ')} ${have} problems, so hubctl may have looked in the wrong place: 'sudo hubctl config check' lists them.`;
}
