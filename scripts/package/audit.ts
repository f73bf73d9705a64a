import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What the registry's list of vulnerabilities says of the packages inside. */
export type AuditResult =
  | { answered: false; reason: string }
  | { answered: true; total: number; severe: number; findings: { name: string; severity: string; title: string }[] };

interface NpmAudit {
  vulnerabilities?: Record<string, { severity: string; via: ({ title?: string } | string)[] }>;
  error?: { summary?: string };
  message?: string;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TIMEOUT_MS = 30_000;
const SEVERE = ['high', 'critical'];

/** Reads the output of `npm audit --json`: anything but a report is no verdict. */
export function readAudit(output: string): AuditResult {
  let report: NpmAudit;
  try {
    report = JSON.parse(output) as NpmAudit;
  } catch {
    return { answered: false, reason: 'npm audit gave no report' };
  }
  if (typeof report !== 'object' || report === null || typeof report.vulnerabilities !== 'object' || report.vulnerabilities === null)
    return { answered: false, reason: report?.message || report?.error?.summary || 'npm audit gave no report' };
  const findings = Object.entries(report.vulnerabilities).map(([name, { severity, via = [] }]) => {
    const title = via.map((one) => (typeof one === 'string' ? `by ${one}` : (one.title ?? ''))).filter(Boolean);
    return { name, severity, title: title.join('; ') };
  });
  return { answered: true, total: findings.length, severe: findings.filter(({ severity }) => SEVERE.includes(severity)).length, findings };
}

/** Asks the registry of npm's configuration about what is shipped; development packages are left out. Never throws. */
export function audit(root: string = ROOT): Promise<AuditResult> {
  return new Promise((resolve) => {
    const args = ['audit', '--omit=dev', '--json', '--fetch-retries=0', '--fetch-timeout=20000'];
    // It ends with 1 when it found something, and when it could not ask: only its output tells which.
    execFile('npm', args, { cwd: root, timeout: TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 }, (error, stdout) => {
      if (stdout.trim() === '' && error)
        resolve({ answered: false, reason: error.killed ? 'the registry did not answer' : 'npm could not be run' });
      else resolve(readAudit(stdout));
    });
  });
}

/** Lines for a person. A registry that was not asked is never shown as a clean bill. */
export function auditLines(result: AuditResult): string[] {
  if (!result.answered) return [`known vulnerabilities: not judged (${result.reason})`];
  if (result.total === 0) return ['known vulnerabilities: none in what is shipped'];
  const found = result.findings.map(({ name, severity, title }) => `  ${severity}: ${name}${title && `, ${title}`}`);
  return [`known vulnerabilities: ${result.total}, ${result.severe} of them high or critical`, ...found];
}
