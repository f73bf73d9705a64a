import { audit, auditLines } from './package/audit.ts';
import { isRunWithoutArguments } from './without-arguments.ts';

const USAGE = `usage: npm run audit

Asks the npm registry for known vulnerabilities of what is shipped; development packages are left out. A registry that does not answer is no failure.
exit codes: 0 no severe ones are known, 1 high or critical ones are, 64 wrong usage
`;

if (isRunWithoutArguments(USAGE)) {
  const result = await audit();
  for (const line of auditLines(result)) process.stdout.write(`${line}\n`);
  if (result.answered && result.severe > 0) process.exitCode = 1;
}
