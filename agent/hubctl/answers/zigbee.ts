import type { JoinEvent, ZigbeeMap, ZigbeeStatus } from '../../contract/zigbee.ts';
import type { Answer } from '../cli/client.ts';
import { answerOf } from './answer.ts';
import { byWord, FLAG, listOf, NUMBER, OBJECT, objectOf, orNull, TEXT } from './shapes.ts';

type Notices = ZigbeeStatus['notices'][number];
type Notice<Code> = Omit<Extract<Notices, { code: Code }>, 'code'>;

const NOTICE = byWord(
  'code',
  {
    database_mended: objectOf<Notice<'database_mended'>>({ devices: NUMBER, recovered: NUMBER }, {}),
    channel_ignored: objectOf<Notice<'channel_ignored'>>({ configured: NUMBER, used: NUMBER }, {}),
    coordinator_reset: objectOf<Notice<'coordinator_reset'>>({ count: NUMBER }, {}),
    unknown_devices: objectOf<Notice<'unknown_devices'>>({ addresses: listOf(TEXT) }, {}),
    not_kept: objectOf<Notice<'not_kept'>>({ reason: TEXT }, {}),
  },
  OBJECT,
);

/** A Zigbee network. */
export const NETWORK = objectOf<ZigbeeStatus>(
  {
    bus: TEXT,
    state: TEXT,
    stage: TEXT,
    adapter: TEXT,
    path: TEXT,
    network: orNull(
      objectOf<NonNullable<ZigbeeStatus['network']>>({ panId: TEXT, extendedPanId: TEXT, channel: NUMBER, coordinator: orNull(TEXT) }, {}),
    ),
    firmware: orNull(TEXT),
    devices: NUMBER,
    savedAt: orNull(NUMBER),
    permitJoinSeconds: NUMBER,
    pid: orNull(NUMBER),
    starts: NUMBER,
    notices: listOf(NOTICE),
    problem: orNull(objectOf<NonNullable<ZigbeeStatus['problem']>>({ reason: TEXT, message: TEXT }, {})),
  },
  { attempts: NUMBER, nextAttemptSeconds: orNull(NUMBER) },
);

/** All Zigbee networks. */
export const networksAnswer: Answer<{ networks: ZigbeeStatus[] }> = answerOf(
  objectOf<{ networks: ZigbeeStatus[] }>({ networks: listOf(NETWORK) }, {}),
);

type Neighbour = ZigbeeMap['neighbours'][number];

/** The result of a map. */
export const MAP = objectOf<ZigbeeMap>(
  {
    bus: TEXT,
    neighbours: listOf(objectOf<Neighbour>({ of: TEXT, address: TEXT, relation: TEXT, quality: NUMBER }, {})),
    unasked: listOf(TEXT),
  },
  {},
);

/** The result of a backup. */
export const BACKUP = objectOf<{ savedAt: number | null; devices: number }>({ savedAt: orNull(NUMBER), devices: NUMBER }, {});

/** The result of a removal. */
export const REMOVAL = objectOf<{ confirmed: boolean }>({ confirmed: FLAG }, {});

const DEVICE = { type: 'object', properties: { address: TEXT }, required: ['address'] } as const;
type Join<Event> = Omit<Extract<JoinEvent, { event: Event }>, 'event'>;

/** What happens while joining is open; of an event that only a newer agent knows nothing is known but its word. */
export const joinAnswer: Answer<JoinEvent> = answerOf(
  byWord(
    'event',
    {
      open: objectOf<Join<'open'>>({ bus: TEXT, seconds: NUMBER }, {}),
      joined: DEVICE,
      interview_started: DEVICE,
      interview_done: DEVICE,
      interview_failed: DEVICE,
      reporting: objectOf<Join<'reporting'>>({ bus: TEXT, address: TEXT, problem: orNull(TEXT) }, {}),
      device: objectOf<Join<'device'>>({ bus: TEXT, address: TEXT, vendor: orNull(TEXT), model: orNull(TEXT) }, {}),
    },
    OBJECT,
  ),
);
