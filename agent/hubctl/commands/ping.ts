import { printable } from '../../system/printable.ts';
import { within } from '../../system/timeout.ts';
import { pingAnswer, statusAnswer } from '../answers/status.ts';
import type { Command } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { attempt, codeOf, remedyOf, say } from '../cli/failure.ts';
import { HEAD_START_MS } from '../cli/hedged-request.ts';
import type { Connectivity, ConnectivityStep } from '../doctor/check.ts';
import type { Paint } from '../terminal/terminal.ts';
import { field, padEnd, wrap } from '../terminal/text.ts';

const LABEL_WIDTH = 9;

/** The steps as they are made on the wire. */
function stepsOf(connectivity: Connectivity): [string, ConnectivityStep | null][] {
  return [
    ['DNS', connectivity.dns],
    ['TCP', connectivity.tcp],
    ['TLS', connectivity.tls],
    ['CONNACK', connectivity.connack],
    ['PUBACK', connectivity.puback],
  ];
}

function stepLines(label: string, step: ConnectivityStep | null, note: string, columns: number, paint: Paint): string[] {
  if (step === null) return [paint('dim', `${padEnd(label, LABEL_WIDTH)}${note}`)];
  const time = step.ok ? `${step.ms.toFixed(1)} ms`.padStart(10) : 'failed'.padStart(10);
  const lines = field(`${padEnd(label, LABEL_WIDTH)}${time}  `, printable(step.finding), LABEL_WIDTH + 12, columns);
  if (step.remedy !== null) lines.push(...field('', `do: ${step.remedy}`, LABEL_WIDTH + 12, columns));
  return step.ok ? lines : lines.map((line) => paint('bad', line));
}

/** What was shown of the way to the cloud, and what was not. */
function conclusion(steps: readonly [string, ConnectivityStep | null][]): string {
  const named = (isRight: (step: ConnectivityStep) => boolean) => steps.flatMap(([name, step]) => (step && isRight(step) ? [name] : []));
  const [made, failed] = [named(({ ok }) => ok), named(({ ok }) => !ok)];
  const what = failed.join(', ');
  if (failed.length > 0)
    return made.includes('TLS') ? `The cloud was reached; ${what} failed.` : `The cloud was not reached: ${what} failed.`;
  return `The cloud was reached (${made.join(', ')}). Whether it takes a session of this hub was not tried.`;
}

export const cloudPingCommand: Command = {
  name: 'cloud ping',
  summary: 'The round trip to the cloud, step by step',
  usage: '',
  details: [
    'Tests DNS, TCP and TLS on a connection of its own. An agent that is online measures the PUBACK on its session; without an agent hubctl connects as the hub.',
  ],
  example: 'sudo hubctl cloud ping',
  async run({ client, terminal, json, ports, places }) {
    const asked = attempt(client.get('/v1/status', statusAnswer));
    const [{ settingsOf }, { checkConnectivity }, { mayTakeSession }, { bad }, { reachFinding }] = await Promise.all([
      import('../machine/settings.ts'),
      import('../connectivity/connectivity.ts'),
      import('../doctor/session.ts'),
      import('../doctor/check.ts'),
      import('../../health/reach.ts'),
    ]);
    const settings = settingsOf(places);
    const session = asked.then(({ value, problem }) => mayTakeSession({ status: value, problem }, ports.service));
    const early = await within(ports.clock, HEAD_START_MS, asked, () => null);
    const cloud = early?.value?.cloud;
    // The agent may be on the second port.
    const connectivity = await checkConnectivity(cloud?.phase === 'connected' ? { ...settings, port: cloud.port } : settings, {
      clock: ports.clock,
      files: ports.files,
      session: () => session,
      tlsMaterial: () => ports.tlsMaterial(places),
      topics: false,
      otherPort: false,
    });
    const { value: status, problem } = await asked;
    const online = status?.cloud.phase === 'connected';
    /** What kept a session from being tried. */
    const obstacle = !online && !(await session) ? problem : null;
    if (online) {
      const { value, problem: refused } = await attempt(client.change('POST', '/v1/ping', {}, pingAnswer));
      connectivity.puback = value
        ? { ok: true, ms: value.pubackMs, finding: "on the agent's session", remedy: null }
        : bad(0, reachFinding('mqtt_session_silent', { message: refused?.message ?? 'no answer' }));
    }
    const steps = stepsOf(connectivity);
    const failed = steps.some(([, step]) => step !== null && !step.ok);
    const reached = connectivity.puback?.ok === true;
    const totalMs = Math.round(steps.reduce((sum, [, step]) => sum + (step?.ok ? step.ms : 0), 0) * 10) / 10;
    const code = obstacle ? codeOf(obstacle) : reached && !failed ? EXIT.ok : EXIT.bad;
    if (json) {
      terminal.out(
        JSON.stringify({
          endpoint: settings.endpoint,
          ...Object.fromEntries(steps.map(([name, step]) => [name.toLowerCase(), step])),
          totalMs,
          reached,
          ...(obstacle && { agentProblem: obstacle.message }),
        }),
      );
      return code;
    }
    for (const [name, step] of steps) {
      const note = online && name === 'CONNACK' ? '          the agent is connected' : '         -';
      for (const line of stepLines(name, step, note, terminal.columns, terminal.paint)) terminal.out(line);
    }
    if (reached && !failed) terminal.out(`${padEnd('all', LABEL_WIDTH)}${`${totalMs.toFixed(1)} ms`.padStart(10)}`);
    else for (const line of wrap(conclusion(steps), terminal.columns)) terminal.out(line);
    if (obstacle) {
      const remedy = remedyOf(obstacle);
      say(
        terminal,
        `hubctl: ${obstacle.message} No session was tried: it would end that of an agent that may run.${remedy && ` ${remedy}`}`,
      );
    }
    if (!obstacle && !reached && !online && connectivity.connack === null && !failed) {
      say(terminal, 'hubctl: No session was tried: the agent is about to connect, and would lose its own. See: hubctl status');
    }
    return code;
  },
};
