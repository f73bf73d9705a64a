import { audit, auditLines } from './package/audit.ts';

/** `npm run audit`: known vulnerabilities of what is shipped. Fails for high and critical ones; a registry that does not answer is no failure. */
const result = await audit();
for (const line of auditLines(result)) process.stdout.write(`${line}\n`);
if (result.answered && result.severe > 0) process.exitCode = 1;
