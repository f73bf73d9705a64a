import { join } from 'node:path';
import type { Rig } from '../../test/hil/rig/rig.ts';
import { OFFICE, WAREHOUSE, type World, WRONG_PASSWORD } from './world.ts';

/** Something to paste into another terminal; it works there as it stands. */
export interface Paste {
  /** What it shows. */
  about: string;
  command: string;
}

/** One word of a POSIX shell. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Lines of one command, each within 80 columns for the usual names. */
const joined = (...lines: string[]) => lines.join(' \\\n  ');

const configured = ({ folder }: Rig, name: string) => shellWord(join(folder, 'etc', name));

/** hubctl on the hub of the demo. */
export const hubctlLine = (rig: Rig, words: string) =>
  joined(`npm run -s hubctl -- --config ${configured(rig, 'agent.json')}`, `--identity ${configured(rig, 'identity.json')} ${words}`);

/** The lines of the demo, in the order in which they make sense. */
export function pastes({ rig, wifi, zigbee, observer }: World): Paste[] {
  const hub = `${rig.api.url}/hubs/${rig.hubId}`;
  const key = `-H 'X-API-Key: ${rig.apiKey}'`;
  const send = (command: string, args: object) =>
    joined(
      'curl -X POST',
      "-H 'Content-Type: application/json'",
      key,
      `-d '{"hubId":"${rig.hubId}",\n  "command":"${command}",\n  "args":${JSON.stringify(args)}}'`,
      `${hub}/SendHubCommand`,
    );
  const mqtt = [
    `mosquitto_sub -V 5 -v -h ${rig.iotCore.host} -p ${rig.iotCore.port}`,
    `-i ${observer.clientId}`,
    `--cafile ${shellWord(observer.ca)}`,
    `--cert ${shellWord(observer.certificate)}`,
    `--key ${shellWord(observer.privateKey)}`,
    `-t 'hubs/${rig.hubId}/#'`,
  ];
  const hubctl = (words: string) => hubctlLine(rig, words);
  const noWifi = ' (fails here: without dbus-daemon there is no Wi-Fi to change)';
  return [
    { about: 'The peripherals on the bus, scanned anew:', command: send('get_nodes', { refresh: true }) },
    { about: 'The hub itself:', command: send('server_info', {}) },
    {
      about: `Another Wi-Fi${wifi ? '; the hub moves, and proves that it reaches the cloud from there' : noWifi}:`,
      command: send('set_wifi_credentials', { ssid: OFFICE.ssid, credentials: OFFICE.password }),
    },
    ...(wifi
      ? [
          {
            about: 'A wrong password; the hub tries it, and comes back to the network it had:',
            command: send('set_wifi_credentials', { ssid: WAREHOUSE.ssid, credentials: WRONG_PASSWORD }),
          },
        ]
      : []),
    { about: 'What the cloud knows of the hub:', command: joined('curl', key, `${hub}/status`) },
    {
      about: 'What a technician sees on the hub (in the folder of this checkout; "help" in place of "status" lists the rest):',
      command: hubctl('status'),
    },
    ...(zigbee
      ? [
          {
            about: 'Lets Zigbee devices join; a lock and a contact sensor are set to pairing when it is open:',
            command: hubctl('nodes permit-join 60'),
          },
        ]
      : []),
    { about: 'Its MQTT messages (Debian, Ubuntu: package mosquitto-clients):', command: joined(...mqtt) },
  ];
}
