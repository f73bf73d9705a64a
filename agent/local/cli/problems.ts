import type { StatusReport } from '../api.ts';
import { duration } from './text.ts';

/** Something that is wrong, in a sentence. */
export interface Problem {
  text: string;
  /** The command that shows more, or mends it. */
  next: string | null;
}

/** Less memory or disk than this share is trouble ahead. */
const LOW_SHARE = 0.1;
/** The journal and the node table need little; what updates the system needs more. */
const LOW_DISK_BYTES = 50_000_000;

const low = (available: number | null, total: number | null) => available !== null && total !== null && available < total * LOW_SHARE;

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

/** What is wrong with a running agent, by its own status; the worst first. */
export function problemsOf(report: StatusReport): Problem[] {
  const { cloud, clock, buses, nodes, host } = report;
  const problems: Problem[] = [];
  const add = (text: string, next: string | null = null) => problems.push({ text, next });

  if (cloud.phase !== 'connected') {
    const down = cloud.lastDown && DOWNS[cloud.lastDown] ? `: ${DOWNS[cloud.lastDown]}` : '';
    const wait = cloud.waitReason && WAITS[cloud.waitReason] ? `; ${WAITS[cloud.waitReason]}` : '';
    add(`The hub is not connected to the cloud${down}${wait}.`, 'hubctl doctor');
  }
  if (cloud.takeovers > 0) add(`Another client came with the identity of this hub, ${cloud.takeovers} times.`, 'hubctl logs');
  if (cloud.leftOut.length > 0) add(`The cloud refuses to this hub: ${cloud.leftOut.join(', ')}.`, 'hubctl doctor');
  for (const bus of buses) if (bus.state === 'unavailable') add(`Bus ${bus.id}: ${bus.error?.message ?? 'unavailable'}.`, 'hubctl doctor');
  if (buses.length > 0 && nodes.scanComplete && nodes.total === 0) add('No node answers on any bus.', 'hubctl doctor');
  const silent = nodes.total - nodes.available;
  if (silent > 0) add(`${silent} of ${nodes.total} nodes ${silent === 1 ? 'is' : 'are'} silent.`, 'hubctl nodes');
  if (clock.synchronized === false) add('The clock was not set from the network since the start.', 'timedatectl');
  if (low(host.memoryAvailableBytes, host.memoryTotalBytes)) add('Memory is short.', 'hubctl doctor');
  const disk = host.diskAvailableBytes;
  if (disk !== null && (disk < LOW_DISK_BYTES || low(disk, host.diskTotalBytes))) add('The disk is nearly full.', 'hubctl doctor');
  if (cloud.phase === 'connected' && cloud.reconnectCount > 0 && cloud.sessionAgeMs !== null && cloud.sessionAgeMs < 60_000) {
    add(
      `The connection was made again ${duration(cloud.sessionAgeMs / 1000)} ago, ${cloud.reconnectCount} times since the start.`,
      'hubctl logs',
    );
  }
  return problems;
}
