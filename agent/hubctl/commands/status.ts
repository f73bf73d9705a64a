import type { CommandReport, StatusReport } from '../../control/api.ts';
import { shadowFindings } from '../../health/cloud.ts';
import { times } from '../../health/finding.ts';
import { printable } from '../../system/printable.ts';
import { bytes, duration, utc } from '../../system/units.ts';
import { statusAnswer } from '../answers/status.ts';
import { alarmLines } from '../cli/alarm-words.ts';
import { type AgentError, type AgentProblem, ANSWER_TIMEOUT_MS } from '../cli/client.ts';
import type { Command, CommandContext } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { attempt, codeOf, remedyOf } from '../cli/failure.ts';
import { hedged, QUICK_HELPER_MS } from '../cli/hedged-request.ts';
import { NOT_READABLE, readOffline } from '../cli/offline.ts';
import { type Problem, problemsOf } from '../cli/problems.ts';
import { serviceWords } from '../machine/service-state.ts';
import type { Colour, Paint } from '../terminal/terminal.ts';
import { field, padEnd, truncate, widthOf } from '../terminal/text.ts';
import { answerColour, answerText, tookText } from './answer-words.ts';
import { scanWords } from './node-state.ts';

const LABEL_WIDTH = 10;
/** Of a command's name, where what came of it leaves less room. */
const MIN_NAME = 20;

/** One row of the screen: its label, its text and its colour. */
interface Row {
  label: string;
  text: string;
  colour?: Colour;
}

/** `01:48:24 get_nodes SUCCEEDED 0.2 s (shadow)`; `11-21 01:48:24 …` on another day. The name is cut before what came of it. */
function commandLine(report: CommandReport, nowMs: number, columns: number): string {
  const { receivedAt, command, intake } = report;
  const at = utc(receivedAt);
  const isToday = at.slice(0, 10) === utc(nowMs).slice(0, 10);
  const took = tookText(report);
  const front = at.slice(isToday ? 11 : 5, 19);
  const back = printable(`${answerText(report)}${took === null ? '' : ` ${took}`} (${intake})`);
  const name = truncate(printable(command), Math.max(MIN_NAME, columns - widthOf(front) - widthOf(back) - 2));
  return truncate(`${front} ${name} ${back}`, columns);
}

const free = (available: number | null, total: number | null, what: string) =>
  available === null || total === null ? `${what} unknown` : `${bytes(available)} of ${bytes(total)} ${what} free`;

function cloudRow(cloud: StatusReport['cloud'], nowMs: number): Row[] {
  const { phase, sessionAgeMs, session, reconnectCount, waitReason, lastDown, endpoint, port } = cloud;
  const online = phase === 'connected';
  const since = online && sessionAgeMs !== null ? ` for ${duration(sessionAgeMs / 1000)}, reconnected ${times(reconnectCount)}` : '';
  const why = online ? '' : [waitReason, lastDown && `last: ${lastDown}`].filter(Boolean).join(', ');
  return [
    { label: 'Cloud', text: `${online ? 'online' : phase}${since}${why && ` (${why})`}`, colour: online ? 'good' : 'bad' },
    { label: '', text: `${endpoint}:${port}` },
    { label: 'Presence', text: session === null ? 'offline' : `online, session ${session.slice(0, 8)}` },
    ...shadowRow(cloud, nowMs),
  ];
}

/** When the cloud last had the whole truth; nothing from an older agent, which does not say. */
function shadowRow(cloud: StatusReport['cloud'], nowMs: number): Row[] {
  const { shadow } = cloud;
  if (!shadow) return [];
  const ago = shadow.confirmedAt === null ? 'not confirmed yet' : `confirmed ${duration((nowMs - shadow.confirmedAt) / 1000)} ago`;
  return [{ label: 'Shadow', text: ago, ...(shadowFindings(cloud).length > 0 && { colour: 'bad' as const }) }];
}

/** The rows of a running agent. */
function liveRows({ identity, agent, claim, cloud, clock, wifi, host, buses, nodes, alarms }: StatusReport): Row[] {
  const rows: Row[] = [
    { label: 'Hub', text: `${identity.hubId}${identity.thingName === identity.hubId ? '' : ` (thing ${identity.thingName})`}` },
    { label: 'Claim', text: claim ? `org ${claim.orgId}, site ${claim.siteId}` : 'not claimed', colour: claim ? 'good' : 'warn' },
    ...cloudRow(cloud, clock.nowMs),
    {
      label: 'Clock',
      text: `${utc(clock.nowMs)}, ${clock.synchronized === null ? 'synchronisation unknown' : clock.synchronized ? 'synchronised' : 'NOT synchronised'}`,
      ...(clock.synchronized === false && { colour: 'warn' as const }),
    },
    { label: 'Wi-Fi', text: wifi ? `${wifi.ssid}${wifi.signalDbm === null ? '' : ` ${wifi.signalDbm} dBm`}` : 'none' },
  ];
  for (const [index, bus] of buses.entries()) {
    const text = `${bus.id} ${bus.state}${bus.error ? `: ${bus.error.message}` : ''}`;
    rows.push({
      label: index === 0 ? 'Buses' : '',
      text,
      colour: bus.state === 'up' ? 'good' : bus.state === 'unavailable' ? 'bad' : 'warn',
    });
  }
  const nodesText = `${nodes.available} of ${nodes.total} available${scanWords({ scanComplete: nodes.scanComplete, buses })}`;
  rows.push({ label: 'Nodes', text: nodesText, colour: nodes.available === nodes.total ? 'good' : 'warn' });
  for (const [index, text] of alarmLines(alarms ?? []).entries()) rows.push({ label: index === 0 ? 'Alarms' : '', text, colour: 'warn' });
  const temperature = host.temperatureCelsius === null ? '' : `, ${host.temperatureCelsius} °C`;
  rows.push({
    label: 'Host',
    text: `up ${duration(host.uptimeSeconds ?? 0)}, ${free(host.memoryAvailableBytes, host.memoryTotalBytes, 'memory')}, ${free(host.diskAvailableBytes, host.diskTotalBytes, 'disk')}${temperature}`,
  });
  rows.push({
    label: 'Agent',
    text: `${agent.version}, pid ${agent.pid}, up ${duration(agent.uptimeSeconds)}, log level ${agent.logLevel}`,
  });
  return rows;
}

/** Lays out rows; the colour goes on after the wrapping. */
function layOut(rows: readonly Row[], columns: number, paint: Paint): string[] {
  return rows.flatMap(({ label, text, colour }) =>
    field(label, printable(text), LABEL_WIDTH, columns).map((line) => {
      const body = line.slice(LABEL_WIDTH);
      return paint('dim', line.slice(0, LABEL_WIDTH)) + (colour ? paint(colour, body) : body);
    }),
  );
}

function header(left: string, right: string, columns: number, paint: Paint, colour: Colour): string {
  const room = columns - widthOf(right) - 2;
  return `${paint('bold', padEnd(truncate(left, room), room))}  ${paint(colour, right)}`;
}

function commandRows(commands: readonly CommandReport[], nowMs: number, columns: number, paint: Paint): string[] {
  return commands.map((command, index) => {
    const label = padEnd(index === 0 ? 'Commands' : '', LABEL_WIDTH);
    return paint('dim', label) + paint(answerColour(command), commandLine(command, nowMs, columns - LABEL_WIDTH));
  });
}

function problemRows(problems: readonly Problem[], columns: number, paint: Paint): string[] {
  if (problems.length === 0) return ['', paint('good', 'Nothing wrong in sight.')];
  // A consequence goes with its cause; `--json` has both.
  const causes = problems.filter(({ causedBy = null }) => causedBy === null);
  const lines = causes.flatMap(({ text, next }) =>
    field('!', `${printable(text)}${next ? ` See: ${next}` : ''}`, 2, columns).map((line) => paint('bad', line)),
  );
  return ['', ...lines];
}

/** The status screen of a running agent. */
export function statusScreen(report: StatusReport, columns: number, paint: Paint): string[] {
  const { identity, cloud } = report;
  const online = cloud.phase === 'connected';
  return [
    header(
      printable(`${identity.vendorName} ${identity.model} ${identity.serial}`),
      online ? 'ONLINE' : 'OFFLINE',
      columns,
      paint,
      online ? 'good' : 'bad',
    ),
    ...layOut(liveRows(report), columns, paint),
    ...commandRows(report.lastCommands, report.clock.nowMs, columns, paint),
    ...problemRows(problemsOf(report), columns, paint),
  ];
}

const text = (value: unknown) => (typeof value === 'string' ? value : '?');

/** The agent in two words, where its answer is missing. */
const HEADINGS: Readonly<Record<AgentProblem, string>> = {
  down: 'NO AGENT',
  busy: 'AGENT BUSY',
  unreachable: 'AGENT UNREACHABLE',
  hung: 'NO ANSWER',
  forbidden: 'NO ACCESS',
  refused: 'AGENT REFUSES',
  unclear: 'UNCLEAR ANSWER',
};

/** What can be said while the agent is down or hangs. */
async function withoutAgent(context: CommandContext, problem: AgentError, service: string | null) {
  const { places, ports } = context;
  const [state, host] = await Promise.all([readOffline(places.stateDirectory, ports.paths), ports.host(places.stateDirectory).collect()]);
  const identity = Object.fromEntries(['hubId', 'serial', 'model', 'vendorName'].map((key) => [key, text(places.identity[key])]));
  return {
    agent: null,
    problem: problem.message,
    /** As in the errors of other commands. */
    problemCode: `agent_${problem.problem}`,
    remedy: remedyOf(problem) || null,
    service,
    identity,
    claim: state.claim,
    clock: { nowMs: ports.wallClock.nowMs(), synchronized: host.clockSynchronized },
    host: {
      hostname: host.hostname,
      uptimeSeconds: host.uptimeSeconds,
      totalBytes: host.memory.totalBytes,
      availableBytes: host.memory.availableBytes,
      disk: host.disk,
    },
    nodes: { total: state.nodes.total, writtenAt: state.nodesAt },
    lastCommands: state.commands.slice(-5).reverse(),
    unreadable: [...places.unreadable, ...state.unreadable],
  };
}

function offlineScreen(
  report: Awaited<ReturnType<typeof withoutAgent>>,
  { identityPath, heading }: { identityPath: string; heading: string },
  columns: number,
  paint: Paint,
): string[] {
  const { identity, claim, clock, host, nodes, unreadable, problem, remedy } = report;
  const next = remedy?.includes('doctor') ? null : 'sudo hubctl doctor';
  const orClosed = (name: string, text: string) => (unreadable.includes(name) ? NOT_READABLE : text);
  const known = nodes.writtenAt === null ? 'none known' : `${nodes.total} known, written ${utc(nodes.writtenAt)}`;
  return [
    header(printable(`${identity.vendorName} ${identity.model} ${identity.serial}`), heading, columns, paint, 'bad'),
    ...layOut(
      [
        { label: 'Hub', text: orClosed(identityPath, identity.hubId ?? '?') },
        { label: 'Claim', text: orClosed('claim', claim ? `org ${claim.orgId}, site ${claim.siteId}` : 'not claimed') },
        { label: 'Clock', text: utc(clock.nowMs) },
        { label: 'Nodes', text: orClosed('nodes', known) },
        { label: 'Host', text: `up ${duration(host.uptimeSeconds ?? 0)}, ${free(host.disk.availableBytes, host.disk.totalBytes, 'disk')}` },
        ...(report.service === null ? [] : [{ label: 'Service', text: report.service }]),
        ...(unreadable.includes('commands') ? [{ label: 'Commands', text: NOT_READABLE }] : []),
      ],
      columns,
      paint,
    ),
    ...commandRows(report.lastCommands, report.clock.nowMs, columns, paint),
    ...problemRows([{ text: remedy === null ? problem : `${problem} ${remedy}`, next }], columns, paint),
  ];
}

export const statusCommand: Command = {
  name: 'status',
  summary: 'One screen: the identity of the hub, what works and what does not',
  usage: '',
  details: [`Answers within ${Math.ceil(ANSWER_TIMEOUT_MS / 1000)} s; without the agent it shows the state on the disk.`],
  example: 'hubctl status',
  async run(context) {
    const { client, terminal, json, ports } = context;
    const asked = attempt(client.get('/v1/status', statusAnswer));
    const service = hedged(ports.clock, asked, () => ports.service(QUICK_HELPER_MS));
    const { value, problem } = await asked;
    if (value) {
      const problems = problemsOf(value);
      if (json) terminal.out(JSON.stringify({ ...value, problems }));
      else for (const line of statusScreen(value, terminal.columns, terminal.paint)) terminal.out(line);
      return problems.length === 0 ? EXIT.ok : EXIT.bad;
    }
    const report = await withoutAgent(context, problem, serviceWords(await service));
    const shown = { identityPath: context.places.identityPath, heading: HEADINGS[problem.problem] };
    if (json) terminal.out(JSON.stringify(report));
    else for (const line of offlineScreen(report, shown, terminal.columns, terminal.paint)) terminal.out(line);
    return codeOf(problem);
  },
};
