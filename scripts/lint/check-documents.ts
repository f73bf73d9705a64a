import { checkDocuments } from './documents.ts';

/** Checks that the files, links and functions that the documents name exist. Exits 1 with a line for each that does not. */
const { documents, names, problems } = checkDocuments(process.cwd());
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.stdout.write(`Checked ${documents.length} documents, which look up ${names} names: ${problems.length} problems.\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
