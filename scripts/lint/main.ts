import { globSync } from 'node:fs';
import { importsOf, modulesOf } from './imports.ts';
import { logLineProblems } from './log-lines.ts';
import { moduleObjection, objection, roomOf } from './rooms.ts';

/**
 * Checks who imports whom against scripts/lint/rooms.ts, for every TypeScript file below the three folders, and the fields of the agent's log lines.
 * Exits 1 with a line for each problem.
 */
const root = process.cwd();
const files = globSync('{agent,scripts,test}/**/*.{ts,tsx}', { cwd: root })
  .filter((path) => !path.endsWith('.d.ts'))
  .sort();
const problems: string[] = [];
for (const file of files) {
  if (roomOf(file) === null) problems.push(`${file}: lies in no room; give its folder a row in scripts/lint/rooms.ts`);
  for (const { name, line } of modulesOf(root, file)) {
    const reason = moduleObjection(file, name);
    if (reason !== null) problems.push(`${file}:${line}: may not import ${name}; ${reason}`);
  }
  for (const { from, to, line } of importsOf(root, file)) {
    const reason = objection(from, to);
    if (reason !== null) problems.push(`${from}:${line}: may not import ${to}; ${reason}`);
  }
  for (const { line, reason } of logLineProblems(root, file)) problems.push(`${file}:${line}: ${reason}`);
}
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.stdout.write(
  `Checked the imports and log lines of ${files.length} files: ${problems.length === 0 ? 'each in its room' : `${problems.length} problems`}.\n`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
