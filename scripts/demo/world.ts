import { rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentProcess } from '../../test/hil/rig/agent-process.ts';
import { createRig, type Rig } from '../../test/hil/rig/rig.ts';
import { type RigWifi, startRigWifi, WITH_WIFI } from '../../test/hil/rig/wifi.ts';
import { addZigbee, type RigZigbee } from '../../test/hil/rig/zigbee.ts';
import type { ApiRequestLine, SendWhileOffline } from '../../test/twins/cloud-api/index.ts';
import { observerOf } from '../../test/twins/iot-core/policy.ts';
import { hasDbusDaemon } from '../../test/twins/network-manager/index.ts';
import { demoPeripherals } from '../../test/twins/osdp-line/index.ts';

/** The network that the hub can be moved to, with its password. */
export const OFFICE = { ssid: 'Back Office', password: 'correct-horse-battery' };
/** A network whose password is not given away. */
export const WAREHOUSE = { ssid: 'Warehouse', password: 'known-to-the-foreman' };
/** What is tried on it. */
export const WRONG_PASSWORD = 'a-wrong-password';

/** Everything around the demo's hub. */
export interface World extends AsyncDisposable {
  readonly rig: Rig;
  /** Null without a message bus: then there is no Wi-Fi to change. */
  readonly wifi: RigWifi | null;
  /** Null unless it was asked for. */
  readonly zigbee: RigZigbee | null;
  /** Where the certificate of a client that only looks on lies. */
  readonly observer: { clientId: string; certificate: string; privateKey: string; ca: string };
  readonly sendWhileOffline: SendWhileOffline;
  startAgent(): AgentProcess;
  /** Asks the agent that was started last to end, and waits for it. */
  stopAgent(): Promise<void>;
}

export interface WorldOptions {
  /** The API's port; 0: any free one. */
  port: number;
  sendWhileOffline: SendWhileOffline;
  /** How many of the air's seconds pass in one of ours. */
  airSpeed: number;
  /** Plugs a Zigbee stick in, with a lock and a contact sensor in its room. */
  zigbee: boolean;
  onRequest?: (line: ApiRequestLine) => void;
  /** Called for each agent that is started. */
  onAgent?: (agent: AgentProcess) => void;
}

/** Opens it; what was opened is closed again when something of it fails. @throws Error for a port that is taken, with the remedy */
export async function openWorld(options: WorldOptions): Promise<World> {
  await using opened = new AsyncDisposableStack();
  const air = [OFFICE, WAREHOUSE].map((network) => ({ ...network, security: 'wpa-psk' as const }));
  const wifi = hasDbusDaemon() ? opened.use(await startRigWifi({ air, speed: options.airSpeed })) : null;
  const rig = opened.use(await openRig(options, wifi !== null));
  const zigbee = options.zigbee ? opened.use(await addZigbee(rig)) : null;
  // However the process ends: an exception in a callback, too.
  const removeFiles = () => {
    for (const folder of [rig.folder, wifi?.folder]) if (folder) rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', removeFiles);
  opened.defer(() => void process.removeListener('exit', removeFiles));
  const observer = await addObserver(rig);
  let last: AgentProcess | null = null;
  const closing = opened.move();
  return {
    rig,
    wifi,
    zigbee,
    observer,
    sendWhileOffline: options.sendWhileOffline,
    startAgent() {
      last = rig.startAgent(wifi ? { env: wifi.env } : {});
      options.onAgent?.(last);
      return last;
    },
    async stopAgent() {
      await last?.stop();
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

async function openRig({ port, sendWhileOffline, onRequest }: WorldOptions, hasWifi: boolean): Promise<Rig> {
  try {
    return await createRig({
      peripherals: demoPeripherals(),
      apiPort: port,
      sendWhileOffline,
      // A second port, as AWS's 443 beside 8883.
      iotCore: { alpnPort: 0 },
      config: ({ alpnPort }) => ({ cloud: { fallbackPort: alpnPort }, ...(hasWifi && WITH_WIFI) }),
      ...(onRequest && { onRequest }),
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(`port ${port} is taken. End what listens there, or choose another: npm run demo -- --port N (0: any free one)`);
  }
}

/** A Thing that looks on at the hub, for MQTT clients such as mosquitto_sub: the hub's own certificate would push the hub out. */
async function addObserver(rig: Rig): Promise<World['observer']> {
  const clientId = observerOf(rig.hubId);
  const credentials = await rig.pki.issueClient(clientId);
  rig.iotCore.registerThing({ thingName: clientId, certificate: credentials.certificate });
  const folder = join(rig.folder, 'observer');
  await mkdir(folder);
  const certificate = join(folder, 'certificate.pem');
  const privateKey = join(folder, 'private.key');
  await writeFile(certificate, credentials.certificate);
  await writeFile(privateKey, credentials.privateKey, { mode: 0o600 });
  return { clientId, certificate, privateKey, ca: join(rig.folder, 'etc', 'ca.pem') };
}
