import type { Fault } from '../system/guard.ts';
import type { OutputState } from '../system/output.ts';
import { type Entries, finder, type HealthFinding, lookUp } from './finding.ts';
import { LOGS } from './remedies.ts';

/** As errno(3) names them. */
const OUTPUT_FAILURES: Readonly<Record<string, string>> = {
  EAGAIN: 'its reader does not read',
  ENOSPC: 'the disk is full',
  EPIPE: 'its reader is gone',
};

const JOURNAL = 'df -h; systemctl status systemd-journald';
const lost = (droppedLines: number) => `${droppedLines} lines of the log were lost to the journal`;
const unwritable = ({ failing, droppedLines }: { failing: string; droppedLines: number }) =>
  `the log cannot be written (${lookUp(OUTPUT_FAILURES, failing, failing)}); ${lost(droppedLines)}`;

/** What can be wrong with the agent's own process. */
export interface AgentParams {
  agent_faults: { faults: readonly Pick<Fault, 'place' | 'count'>[] };
  log_unwritable: { failing: string; droppedLines: number };
  /** The same for want of room. */
  log_no_space: { failing: string; droppedLines: number };
  log_lines_lost: { droppedLines: number };
}

export const AGENT: Entries<AgentParams> = {
  agent_faults: {
    severity: 'warn',
    text: ({ faults }) =>
      `the agent has caught errors of its own since its start (${faults.map(({ place, count }) => `${place}: ${count}`).join(', ')}); what it was told then may be lost`,
    remedy: () => 'sudo hubctl bundle; sudo journalctl -u hub-agent -o cat -g fault_caught',
    next: LOGS,
  },
  log_unwritable: { severity: 'warn', text: unwritable, remedy: () => `${JOURNAL}; ${LOGS}`, next: JOURNAL },
  log_no_space: { severity: 'warn', text: unwritable, remedy: () => `${JOURNAL}; ${LOGS}`, next: JOURNAL },
  log_lines_lost: {
    severity: 'warn',
    text: ({ droppedLines }) => lost(droppedLines),
    remedy: () => `${JOURNAL}; ${LOGS}`,
    next: JOURNAL,
  },
};

export type AgentCode = keyof AgentParams;
const found = finder(AGENT);

/** The report of the process about itself. An older agent has neither field. */
export interface ProcessFacts {
  faults?: readonly Fault[];
  logOutput?: OutputState;
}

/** What the agent caught and outlived. */
export function faultFindings({ faults = [] }: ProcessFacts): HealthFinding<AgentCode>[] {
  return faults.length === 0 ? [] : [found('agent_faults', { faults })];
}

/** That lines of the log do not reach standard output, or did not. */
export function logFindings({ logOutput }: ProcessFacts): HealthFinding<AgentCode>[] {
  if (!logOutput) return [];
  const { failing, droppedLines } = logOutput;
  if (failing !== null) return [found(failing === 'ENOSPC' ? 'log_no_space' : 'log_unwritable', { failing, droppedLines })];
  return droppedLines === 0 ? [] : [found('log_lines_lost', { droppedLines })];
}
