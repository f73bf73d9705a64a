import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { AgentProcess } from '../../test/hil/rig/agent-process.ts';
import { createRig, type Rig } from '../../test/hil/rig/rig.ts';
import { demoPeripherals } from '../../test/twins/osdp-line/index.ts';
import { curlLines, followAgent, followCloud } from './follow.ts';
import { createScreen, type Screen } from './screen.ts';
import { bringUp, commands, createTour, presence, secrets } from './tour.ts';

const DEFAULT_PORT = 8787;
/** Ctrl-C ends everything within this; what hangs is killed. */
const STOP_TIMEOUT_MS = 2_500;

/** The unit's RestartSec. */
const RESTART_MS = 100;

const USAGE = `usage: npm run demo [-- --once] [--port N]

A hub in one terminal: a virtual AWS IoT Core, the public API on http://127.0.0.1:${DEFAULT_PORT}, six OSDP peripherals on a virtual serial
port, and the real agent as a process of its own.

  --once    runs the whole tour by itself; exits 0 only if every step happened; the last line is JSON
  --port N  the API's port (0: any free one; the default with --once)
`;

function readArguments() {
  const { values } = parseArgs({
    options: { once: { type: 'boolean', default: false }, port: { type: 'string' }, help: { type: 'boolean', default: false } },
  });
  const port = Number(values.port ?? (values.once ? 0 : DEFAULT_PORT));
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${values.port}: not a TCP port`);
  return { ...values, port };
}

async function openRig(port: number, onRequest: (text: string) => void): Promise<Rig> {
  try {
    return await createRig({
      peripherals: demoPeripherals(),
      apiPort: port,
      onRequest: ({ method, path, status }) => onRequest(`${method} ${path} → ${status ?? 'no answer'}`),
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(`Port ${port} is taken: end what listens there, or choose another with --port N.`);
  }
}

async function once(port: number): Promise<number> {
  const screen = createScreen(process.stdout);
  const tour = createTour(screen);
  screen.title('The hub answers its cloud');
  const rig = await openRig(port, () => {});
  try {
    const agent = await bringUp(rig, tour);
    if (agent) {
      await commands(rig, tour, screen);
      const second = await presence(rig, tour, agent);
      await secrets(rig, tour, [agent, second]);
    }
  } finally {
    await rig.dispose();
  }
  process.stdout.write(`${JSON.stringify({ ok: tour.ok, steps: tour.steps })}\n`);
  return tour.ok ? 0 : 1;
}

async function live(port: number): Promise<number> {
  const screen = createScreen(process.stdout);
  const tour = createTour(screen);
  const stopAsked = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  let following = false;
  const rig = await openRig(port, (text) => following && screen.event('api', text));
  screen.title('The hub answers its cloud');
  screen.line(`      virtual IoT Core  ${rig.iotCore.host}:${rig.iotCore.port} (MQTT 5, mutual TLS)`);
  screen.line(`      public API        ${rig.api.url}`);
  screen.line(`      serial line       ${rig.port?.path} with ${rig.line?.peripherals().length} OSDP peripherals`);
  screen.line(`      hub's files       ${rig.folder}`);
  const agent = await Promise.race([bringUp(rig, tour), stopAsked.then(() => null)]);
  if (agent && tour.ok) {
    screen.title('Paste into another terminal:');
    for (const line of curlLines(rig)) screen.line(`\n${line}`);
    screen.title('The hub, live (Ctrl-C ends everything):');
    following = true;
    followCloud(rig, screen);
    await supervise(rig, agent, screen, stopAsked);
  } else await shutDown(rig, agent);
  screen.line('stopped.');
  return tour.ok ? 0 : 1;
}

/** Keeps the agent running, as systemd does on a hub, until the stop is asked for; then ends everything. */
async function supervise(rig: Rig, first: AgentProcess, screen: Screen, stopAsked: Promise<void>): Promise<void> {
  let agent = first;
  for (;;) {
    followAgent(agent, screen);
    const code = await Promise.race([agent.exited, stopAsked.then(() => null)]);
    if (code === null) break;
    screen.event('problem', `the agent process ended (${code}); it is started again, as systemd would`);
    const again = await Promise.race([sleep(RESTART_MS, true), stopAsked.then(() => false)]);
    if (!again) break;
    agent = rig.startAgent();
  }
  screen.line('\nstopping…');
  await shutDown(rig, agent);
}

async function shutDown(rig: Rig, agent: AgentProcess | null): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise((resolve) => {
    timer = setTimeout(resolve, STOP_TIMEOUT_MS);
  });
  if (agent) await Promise.race([agent.stop(), tooLong]);
  clearTimeout(timer);
  await rig.dispose();
}

async function main(): Promise<number> {
  const options = readArguments();
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  return options.once ? await once(options.port) : await live(options.port);
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
