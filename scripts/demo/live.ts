import type { Ending } from './ending.ts';
import { followCloud, followWifi } from './follow.ts';
import { type LivePage, openPage } from './page/demo.ts';
import { pastes } from './paste.ts';
import type { Screen } from './screen.ts';
import { bringUp } from './steps.ts';
import { supervise } from './supervise.ts';
import { createTour } from './tour.ts';
import { openWorld, type World, type WorldOptions } from './world.ts';
import { pairWhenOpen } from './zigbee.ts';

/** The agent says goodbye within this; what hangs is killed. */
const STOP_TIMEOUT_MS = 2_500;

/** Shows a hub until the end is asked for. Returns the exit code: an end that was asked for is no failure. */
export async function live(options: Omit<WorldOptions, 'onRequest'>, screen: Screen, ending: Ending): Promise<number> {
  const followed: Screen = { ...screen, event: (kind, text) => !ending.signal.aborted && screen.event(kind, text) };
  const tour = createTour(screen, ending.signal);
  let following = false;
  let watching: LivePage | null = null;
  {
    await using world = await openWorld({
      ...options,
      onRequest(line) {
        watching?.request(line);
        const { method, path, status } = line;
        if (following) followed.event('api', `${method} ${path} → ${status ?? 'no answer'}`);
      },
      onAgent: (agent) => watching?.agent(agent),
    });
    await using page = await openPage(world);
    watching = page;
    describe(world, screen);
    screen.title('The same in a browser: watch, send commands, break things');
    screen.line(page.address);
    if (world.zigbee) pairWhenOpen(world.zigbee, [world.zigbee.lock, world.zigbee.sensor]);
    const agent = await bringUp(world, tour);
    if (agent && tour.ok) {
      for (const { about, command } of pastes(world)) {
        screen.title(about);
        screen.line(command);
      }
      screen.title('Paste each into another terminal. The hub, live (Ctrl-C ends everything):');
      following = true;
      followCloud(world.rig, followed);
      if (world.wifi) followWifi(world.wifi, followed);
      await supervise(world, agent, followed, ending);
      screen.line('\nstopping…');
      await goodbye(world);
    } else if (agent) await goodbye(world);
  }
  if (tour.failed) return 1;
  screen.line('stopped.');
  return 0;
}

function describe({ rig, wifi, zigbee, observer }: World, screen: Screen): void {
  screen.title('The hub answers its cloud');
  screen.fact('virtual IoT Core', `${rig.iotCore.host}:${rig.iotCore.port} (MQTT 5, mutual TLS)`);
  screen.fact('public API', `${rig.api.url} (and https on the same port)`);
  screen.fact('CA of both', observer.ca);
  screen.fact('serial line', `${rig.port?.path} with ${rig.line?.peripherals().length} OSDP peripherals`);
  if (zigbee) screen.fact('Zigbee stick', `${zigbee.stick.path}; a lock and a contact sensor join when the network is opened`);
  screen.fact(
    'Wi-Fi',
    wifi
      ? `a virtual one, on "home"; in reach: ${wifi.hub.air
          .slice(1)
          .map(({ ssid }) => `"${ssid}"`)
          .join(', ')}`
      : 'none, since dbus-daemon is not installed; set_wifi_credentials fails (Debian, Ubuntu: sudo apt install dbus-daemon)',
  );
  screen.fact("hub's files", rig.folder);
}

/** Lets the agent that runs say goodbye. */
async function goodbye(world: World): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise((resolve) => {
    timer = setTimeout(resolve, STOP_TIMEOUT_MS);
  });
  await Promise.race([world.stopAgent(), tooLong]);
  clearTimeout(timer);
}
