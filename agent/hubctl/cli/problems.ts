import type { StatusReport } from '../../control/api.ts';
import { isDiskLow, isMemoryLow } from '../../control/limits.ts';
import { duration } from '../terminal/text.ts';
import { alarmFindings } from './alarm-words.ts';
import { shadowSilence } from './shadow-silence.ts';

/** Something that is wrong, in a sentence. */
export interface Problem {
  text: string;
  /** The command that shows more, or mends it. */
  next: string | null;
}

const WAITS: Readonly<Record<string, string>> = {
  clock_unsynced: 'it waits for the clock to be set',
  spread: 'it waits its random time after a start or an outage',
  backoff: 'it waits before the next attempt',
};
const DOWNS: Readonly<Record<string, string>> = {
  network: 'the endpoint could not be reached',
  tls: 'the TLS handshake failed',
  refused: 'the cloud refused the connection',
  taken_over: 'another client came with the same identity',
  kicked: 'the cloud ended the session',
  keepalive: 'the cloud stopped answering',
  closed: 'the connection broke',
};

/** What the agent caught and outlived, for a person; null when nothing. An older agent has no such field. */
export function faultWords({ faults = [] }: Partial<Pick<StatusReport['agent'], 'faults'>>): string | null {
  if (faults.length === 0) return null;
  const places = faults.map(({ place, count }) => `${place}: ${count}`).join(', ');
  return `caught errors of its own since its start (${places}); what it was told then may be lost`;
}

const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

const OUTPUT_FAILURES: Readonly<Record<string, string>> = {
  EAGAIN: 'its reader does not read',
  ENOSPC: 'the disk is full',
  EPIPE: 'its reader is gone',
};

/** How it stands with the lines of the log that go to standard output; null when nothing is lost. An older agent has no such field. */
export function logWords({ logOutput }: Partial<Pick<StatusReport['agent'], 'logOutput'>>): string | null {
  if (!logOutput || (logOutput.failing === null && logOutput.droppedLines === 0)) return null;
  const { failing, droppedLines } = logOutput;
  const lost = `${droppedLines} lines of the log were lost to the journal`;
  return failing === null ? lost : `The log cannot be written (${OUTPUT_FAILURES[failing] ?? failing}); ${lost}`;
}

/** What is wrong with a running agent, by its own status; the worst first. */
export function problemsOf(report: StatusReport): Problem[] {
  const { agent, cloud, clock, buses, nodes, nodeFindings, alarms, host } = report;
  const problems: Problem[] = [];
  const add = (text: string, next: string | null = null) => problems.push({ text, next });

  if (cloud.phase !== 'connected') {
    const down = cloud.lastDown && DOWNS[cloud.lastDown] ? `: ${DOWNS[cloud.lastDown]}` : '';
    const wait = cloud.waitReason && WAITS[cloud.waitReason] ? `; ${WAITS[cloud.waitReason]}` : '';
    add(`The hub is not connected to the cloud${down}${wait}.`, 'sudo hubctl doctor');
  }
  const silence = shadowSilence(cloud);
  if (silence) add(`${capitalized(silence.finding)}. ${silence.remedy}`, 'sudo hubctl doctor');
  if (cloud.takeovers > 0) add(`Another client came with the identity of this hub, ${cloud.takeovers} times.`, 'sudo hubctl logs');
  for (const { text, next } of alarmFindings(alarms ?? [], cloud.takeovers)) add(text, next);
  if (cloud.leftOut.length > 0) add(`The cloud refuses to this hub: ${cloud.leftOut.join(', ')}.`, 'sudo hubctl doctor');
  for (const bus of buses)
    if (bus.state === 'unavailable') add(`Bus ${bus.id}: ${bus.error?.message ?? 'unavailable'}.`, 'sudo hubctl doctor');
  if (buses.length > 0 && nodes.scanComplete && nodes.total === 0) add('No node answers on any bus.', 'sudo hubctl doctor');
  for (const { text, remedy } of nodeFindings ?? []) add(`${text[0]!.toUpperCase()}${text.slice(1)}. ${remedy}.`, 'hubctl nodes');
  const silent = nodes.total - nodes.available;
  if (silent > 0) add(`${silent} of ${nodes.total} nodes ${silent === 1 ? 'is' : 'are'} silent.`, 'hubctl nodes');
  if (faultWords(agent) !== null) add(`The agent has ${faultWords(agent)}.`, 'sudo hubctl logs');
  if (logWords(agent) !== null) add(`${logWords(agent)}.`, 'df -h; systemctl status systemd-journald');
  if (clock.synchronized === false) add('The clock was not set from the network since the start.', 'timedatectl');
  if (isMemoryLow(host.memoryAvailableBytes, host.memoryTotalBytes)) add('Memory is short.', 'sudo hubctl doctor');
  if (isDiskLow(host.diskAvailableBytes, host.diskTotalBytes)) add('The disk is nearly full.', 'sudo hubctl doctor');
  if (cloud.phase === 'connected' && cloud.reconnectCount > 0 && cloud.sessionAgeMs !== null && cloud.sessionAgeMs < 60_000) {
    add(
      `The connection was made again ${duration(cloud.sessionAgeMs / 1000)} ago, ${cloud.reconnectCount} times since the start.`,
      'sudo hubctl logs',
    );
  }
  return problems;
}
