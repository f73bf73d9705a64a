import { parseArgs } from 'node:util';
import type { SendWhileOffline } from '../../test/twins/cloud-api/index.ts';
import { type Ending, exitCodeOf, watchEnds } from './ending.ts';
import { live } from './live.ts';
import { replay } from './page/replay.ts';
import { createScreen, type Screen } from './screen.ts';
import { bringUp, commands, presence, secrets } from './steps.ts';
import { createTour } from './tour.ts';
import { update } from './update.ts';
import { openWorld } from './world.ts';
import { zigbeeNetwork } from './zigbee.ts';

const DEFAULT_PORT = 8787;
/** The tour's air is in a hurry; live, joining a network takes as long as it was measured to. */
const TOUR_AIR_SPEED = 4;
const LIVE_AIR_SPEED = 1;
const MODES: readonly SendWhileOffline[] = ['refuse', 'store'];

const USAGE = `usage: npm run demo [-- --once] [--zigbee] [--port N]
                    [--send-while-offline refuse|store]
       npm run demo -- update
       npm run demo -- --replay FILE

A hub in one terminal: a virtual AWS IoT Core, the public API on
http://127.0.0.1:${DEFAULT_PORT}, six OSDP peripherals on a virtual serial port, a Wi-Fi,
and the real agent as a process of its own. Ctrl-C ends all of it. The page that it
prints shows all of this in a browser: watch, send commands, make faults.

  update    an update over AWS IoT Jobs, with progress, then a bad release that
            goes back; exits 0 only if both happened; the last line is JSON
  --once    runs the whole tour by itself; exits 0 only if every step
            happened; the last line is JSON
  --zigbee  plugs in a Zigbee stick, with a lock and a contact sensor in the
            room; the tour pairs the lock
  --replay FILE
            shows a run that was saved on the page
  --port N  the API's port (0: any free one; the default with --once)
  --send-while-offline refuse|store
            SendHubCommand to a hub that is off: answers 502 (refuse, the
            default), or leaves the command in the shadow (store)

The Wi-Fi needs dbus-daemon (Debian, Ubuntu: sudo apt install dbus-daemon).
`;

interface Options {
  update: boolean;
  once: boolean;
  help: boolean;
  zigbee: boolean;
  replay: string | null;
  port: number;
  sendWhileOffline: SendWhileOffline;
}

function readArguments(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      once: { type: 'boolean', default: false },
      zigbee: { type: 'boolean', default: false },
      replay: { type: 'string' },
      port: { type: 'string' },
      'send-while-offline': { type: 'string', default: 'refuse' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const port = values.port === undefined ? (values.once ? 0 : DEFAULT_PORT) : /^\d{1,5}$/.test(values.port) ? Number(values.port) : -1;
  if (port < 0 || port > 65_535) throw new Error(`--port ${values.port} is not a TCP port (0 to 65535)`);
  const mode = MODES.find((each) => each === values['send-while-offline']);
  if (!mode) throw new Error(`--send-while-offline ${values['send-while-offline']} must be refuse or store`);
  if (positionals.length > 1 || (positionals[0] ?? 'update') !== 'update') throw new Error(`${positionals.join(' ')} is not understood`);
  const { once, help, zigbee, replay: file = null } = values;
  return { update: positionals.length > 0, once, help, zigbee, replay: file, port, sendWhileOffline: mode };
}

async function once({ port, sendWhileOffline, zigbee }: Options, screen: Screen, ending: Ending): Promise<number> {
  const tour = createTour(screen, ending.signal);
  screen.title('The hub answers its cloud');
  {
    await using world = await openWorld({ port, sendWhileOffline, zigbee, airSpeed: TOUR_AIR_SPEED });
    if (!world.wifi)
      screen.text('dbus-daemon is not installed: the hub has no Wi-Fi to change. (Debian, Ubuntu: sudo apt install dbus-daemon)');
    const agent = await bringUp(world, tour);
    if (agent) {
      await zigbeeNetwork(world, tour, screen, agent);
      await commands(world, tour, screen);
      const second = await presence(world, tour, agent);
      await secrets(world, tour, [agent, second]);
    }
  }
  const { reason } = ending;
  screen.line(JSON.stringify({ ok: tour.ok, ...(reason && { interrupted: reason }), steps: tour.steps }));
  if (reason && !tour.failed) return exitCodeOf(reason);
  return tour.ok ? 0 : 1;
}

async function main(): Promise<number> {
  const ending = watchEnds(process);
  const options = readArguments();
  const screen = createScreen(process.stdout);
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (options.replay !== null) return replay(options.replay, screen, ending);
  if (options.update) return update(screen, ending);
  return options.once ? await once(options, screen, ending) : await live({ ...options, airSpeed: LIVE_AIR_SPEED }, screen, ending);
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
