import * as z from 'zod';
import { MAX_OSDP_ADDRESS } from '../contract/osdp.ts';
import { ZIGBEE_ADAPTERS } from '../contract/zigbee.ts';
import { credentialPath, editorSchema, path, serialPath, whole } from './fields.ts';
import { DEFAULT_SOCKET_PATH, DEFAULT_STATE_DIRECTORY } from './locations.ts';

/** AWS IoT Core's upper bound for the MQTT keepalive, seconds. */
const MAX_KEEP_ALIVE_SECONDS = 1200;
/** More serial ports than a hub has; bounds tables and memory. */
const MAX_BUSES = 8;
const MAX_ADDRESS_ENTRIES = MAX_OSDP_ADDRESS + 1;
/** IFNAMSIZ of Linux without the NUL. */
const INTERFACE_NAME = /^[^\s/:]{1,15}$/;
const HOST_NAME = /^(?!-)[a-zA-Z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-zA-Z0-9-]{1,63}(?<!-))*$/;
const HOUR_MS = 3_600_000;
const DAY_SECONDS = 86_400;

const cloud = z
  .strictObject({
    endpoint: z
      .string()
      .max(253)
      .regex(HOST_NAME, 'must be a host name or an IPv4 address, without "mqtts://", port or path')
      .describe('Host of AWS IoT Core, such as a1b2c3-ats.iot.eu-central-1.amazonaws.com.'),
    port: whole(1, 65_535, 'TCP port of MQTT over TLS: 8883, or 443 through a firewall.').default(8883),
    fallbackPort: whole(1, 65_535, 'TCP port that is tried when the first one does not answer; null: none. Default: 443 beside 8883.')
      .nullable()
      .optional(),
    caPath: credentialPath("The certificate authorities that the endpoint's certificate is checked against, PEM."),
    keepAliveSeconds: whole(1, MAX_KEEP_ALIVE_SECONDS, 'MQTT keepalive. AWS takes 30 to 1200.').default(30),
    allowShortKeepAlive: z.boolean().default(false).describe('Allows a keepalive under 30 s, for test rigs; AWS refuses it.'),
    shadowName: z
      .string()
      .regex(/^[a-zA-Z0-9:_-]{1,64}$/, 'must be 1 to 64 letters, digits, ":", "_" or "-"')
      .nullable()
      .default(null)
      .describe('Name of the shadow that carries commands; null is the classic shadow.'),
    connect: z
      .strictObject({
        spreadSeconds: whole(
          0,
          3600,
          'The first connect, and the first after the cloud ended a connection, waits for a random part of this, so that a fleet comes back spread after a power cut or an outage. Hubs in the fleet divided by 400, at the 500 connects a second of an AWS account; 0 for a single hub.',
        ).default(25),
        minBackoffMs: whole(100, HOUR_MS, 'The shortest upper bound of the random wait before a reconnect.').default(2000),
        maxBackoffMs: whole(100, HOUR_MS, 'The longest upper bound of the random wait before a reconnect.').default(128_000),
        maxUnreachableBackoffMs: whole(
          100,
          HOUR_MS,
          'The same while the endpoint does not answer at all; for a large fleet a little more than spreadSeconds.',
        ).default(28_000),
        resetAfterMs: whole(0, HOUR_MS, 'A connection of this length brings the wait back to its minimum.').default(30_000),
      })
      .prefault({})
      .describe('Pace of connecting: exponential backoff with full jitter.'),
  })
  .describe('The connection to AWS IoT Core.');

const busId = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, 'must be 1 to 32 lower-case letters, digits or "-"')
  .describe('Name of the bus; first part of the id of its nodes. Unique.');

const osdpBus = z
  .strictObject({
    id: busId,
    protocol: z.literal('osdp').describe('OSDP on RS-485.'),
    path: path('The serial port; /dev/serial/by-id/… stays the same when ports are re-plugged.'),
    baudRate: z
      .union([z.literal([9600, 19200, 38400, 57600, 115200, 230400]), z.literal('auto')])
      .default(9600)
      .describe('Speed of the line in bit/s, or "auto" to try them.'),
    addresses: z
      .array(z.union([z.int().min(0).max(MAX_OSDP_ADDRESS), z.string().regex(/^\d{1,3}-\d{1,3}$/, 'must be a range such as "0-126"')]))
      .min(1)
      .max(MAX_ADDRESS_ENTRIES)
      .default([`0-${MAX_OSDP_ADDRESS}`])
      .describe('Addresses that are scanned: numbers 0 to 126 and ranges such as "0-126".'),
    replyTimeoutMs: whole(
      200,
      1000,
      'The longest that a peripheral may take to begin its answer, in milliseconds. The standard allows 200; more only for peripherals that are slower.',
    ).default(200),
    allowDefaultKey: z
      .boolean()
      .default(false)
      .describe('Allows the secure channel under the published default key (SCBK-D), for installation only.'),
    security: z
      .enum(['optional', 'required'])
      .default('optional')
      .describe('"required": reports of a node are ignored unless a key of its own secures it, and an unsecured node is an alarm.'),
    keysPath: credentialPath('File of the secure channel keys of this bus.').optional(),
  })
  .describe('A serial line with OSDP peripherals.');

const zigbeeBus = z
  .strictObject({
    id: busId,
    protocol: z.literal('zigbee').describe('Zigbee behind a coordinator stick; needs the package hub-agent-zigbee.'),
    path: serialPath('The serial port of the stick; /dev/serial/by-id/… names this stick and no other one.'),
    adapter: z
      .enum(ZIGBEE_ADAPTERS)
      .describe('Kind of the stick: zstack (Texas Instruments), ember (Silicon Labs), deconz, zigate or zboss.'),
    channel: whole(
      11,
      26,
      'Radio channel of a network that is formed; one that exists stays where it is. 15, 20 and 25 lie between the channels of Wi-Fi.',
    ).default(15),
    rtscts: z.boolean().default(false).describe("Hardware flow control, as the stick's firmware has it."),
    baudRate: z
      .literal([38400, 57600, 115200, 230400, 460800, 921600])
      .default(115200)
      .describe("Speed of the stick's port in bit/s, as its firmware has it."),
  })
  .describe('A Zigbee network.');

const bus = z.discriminatedUnion('protocol', [osdpBus, zigbeeBus]);

const commands = z
  .strictObject({
    ttlSeconds: whole(1, DAY_SECONDS, 'A command older than this when it arrives is answered TIMED_OUT and never executed.').default(300),
    intake: z
      .array(z.enum(['shadow', 'executions']))
      .min(1)
      .max(2)
      .default(['shadow'])
      .describe(
        'Where commands are taken from: the device shadow, and native AWS IoT command executions (the account must have the feature).',
      ),
    getNodesTimeoutMs: whole(1, HOUR_MS, 'Time for get_nodes, a full scan of all buses included.').default(120_000),
    serverInfoTimeoutMs: whole(1, HOUR_MS, 'Time for server_info.').default(10_000),
    setWifiCredentialsTimeoutMs: whole(1, HOUR_MS, 'Time for set_wifi_credentials, the way back to the old network included.').default(
      180_000,
    ),
  })
  .prefault({})
  .describe('Commands from the cloud.');

const wifi = z
  .strictObject({
    interface: z
      .string()
      .regex(INTERFACE_NAME, 'must be the name of a network interface, such as wlan0')
      .optional()
      .describe('Network interface of the Wi-Fi radio. Default: the first one found.'),
    backend: z.enum(['auto', 'networkmanager', 'none']).default('auto').describe('Who manages Wi-Fi; "none" switches Wi-Fi changes off.'),
    attemptTimeoutSeconds: whole(1, 3600, 'Time for joining a new network and reaching the cloud over it.').default(100),
    checkpointSeconds: whole(2, 3600, 'The old network comes back by itself after this, also when the agent has ended.').default(120),
  })
  .prefault({})
  .describe('Wi-Fi changes.');

const update = z
  .strictObject({
    jobs: z
      .boolean()
      .default(false)
      .describe('Takes jobs of AWS IoT: updates of the agent, and bundles for support. The Thing needs the policy for it.'),
    maxKilobytesPerSecond: whole(0, 1_000_000, 'Bound of a download; 0: none.').default(256),
    spreadSeconds: whole(0, DAY_SECONDS, 'A download begins after a random part of this, so that a fleet does not come at once.').default(
      300,
    ),
  })
  .prefault({})
  .describe('Updates over the air.');

/** `agent.json`: how the agent works on this hub. */
export const agentSchema = z
  .strictObject({
    $schema: editorSchema,
    cloud,
    stateDirectory: path('Folder of journal, outbox and keys; the agent writes only there.').default(DEFAULT_STATE_DIRECTORY),
    buses: z.array(bus).max(MAX_BUSES).default([]).describe('The buses that nodes are connected to.'),
    commands,
    wifi,
    update,
    local: z
      .strictObject({ socketPath: path('Unix socket of hubctl.').default(DEFAULT_SOCKET_PATH) })
      .prefault({})
      .describe('Control on the hub itself.'),
    log: z
      .strictObject({
        level: z
          .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
          .default('info')
          .describe('The least severe events that are logged.'),
      })
      .prefault({})
      .describe('Logging.'),
    heartbeatMinutes: z
      .number()
      .min(0.05)
      .max(15)
      .default(15)
      .describe('lastSeen and uptimeSeconds are reported at least this often, in minutes; at most 15.'),
  })
  .describe('Configuration of the hub agent.');
