import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { definedIn } from './definitions.ts';

/** Every document of the project. */
const DOCUMENTS = '{,agent/**/,docs/**/,scripts/**/,test/**/}*.md';
const LINK = /\]\(([^)#\s]+)[^)]*\)/g;
const PATH = /`((?:agent|scripts|docs|systemd|test)\/[\w./-]+)`/g;
/** A path and the names that the file defines: `agent/a.ts` `name`, `other`. */
const NAMED = /`((?:agent|scripts|test)\/[\w./-]+\.ts)`((?:,? `[A-Za-z_]\w*`)+)/g;

/** What the documents below `root` name: how many functions they look up, and what is not there, a line each. */
export interface DocumentCheck {
  documents: string[];
  names: number;
  problems: string[];
}

/** Checks every link, every path and every name of a function in the documents. Reads files, nothing else. @throws Error for a file that does not parse */
export function checkDocuments(root: string): DocumentCheck {
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const documents = globSync(DOCUMENTS, { cwd: root }).sort();
  const problems: string[] = [];
  const definitions = new Map<string, ReadonlySet<string>>();
  let names = 0;
  for (const document of documents) {
    const text = read(document);
    for (const [, target] of text.matchAll(LINK)) {
      if (/^[a-z]+:/.test(target!)) continue;
      if (!existsSync(join(root, dirname(document), target!))) problems.push(`${document}: links to ${target}, which is not there`);
    }
    for (const [, path] of text.matchAll(PATH)) {
      if (!existsSync(join(root, path!))) problems.push(`${document}: names ${path}, which is not there`);
    }
    for (const [, path, list] of text.matchAll(NAMED)) {
      if (!existsSync(join(root, path!))) continue;
      const defined = definitions.get(path!) ?? definedIn(path!, read(path!));
      definitions.set(path!, defined);
      for (const [, name] of list!.matchAll(/`(\w+)`/g)) {
        names += 1;
        if (!defined.has(name!)) problems.push(`${document}: looks for ${name} in ${path}, which does not define it`);
      }
    }
  }
  return { documents, names, problems };
}
