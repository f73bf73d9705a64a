import type { StatusReport } from '../../control/api.ts';
import { reported } from '../../control/node-findings.ts';
import { assess } from '../../health/assess.ts';
import { causeOf } from '../../health/causes.ts';
import { capitalized, type HealthFinding } from '../../health/finding.ts';

/** Something that is wrong, in a sentence. */
export interface Problem {
  text: string;
  /** The command that shows more, or mends it. */
  next: string | null;
  /** Stable, for scripts; absent when there is no agent to ask. */
  code?: string;
  severity?: HealthFinding['severity'];
  /** What is ill: a bus, a node; null: the hub. */
  subject?: string | null;
  remedy?: string;
  /** The code of the problem that this one is a consequence of; null: it is a cause itself. */
  causedBy?: string | null;
}

const closed = (text: string) => (/[.?!]$/.test(text) ? text : `${text}.`);
const sentence = (text: string) => closed(capitalized(text));

/** What is wrong with a running agent, by its own status; the worst first. */
export function problemsOf(report: StatusReport): Problem[] {
  const findings = assess(report, (report.nodeFindings ?? []).map(reported));
  return findings.map((finding) => {
    const { code, severity, subject, text, remedy, next, advice } = finding;
    return {
      text: advice ? `${sentence(text)} ${closed(remedy)}` : sentence(text),
      next,
      code,
      severity,
      subject,
      remedy,
      causedBy: causeOf(finding, findings)?.code ?? null,
    };
  });
}
