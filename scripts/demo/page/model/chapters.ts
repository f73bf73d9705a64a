import type { HarnessEvent } from './events.ts';
import type { CommandView, Story, ViewState } from './state.ts';

/** A step that the hub, or its cloud, takes about a fault. */
export interface Chapter {
  name: string;
  /** Chapters, or `begin` and `end`, that must have been told before. */
  after?: readonly string[];
  /** The story ends with it. */
  last?: boolean;
  /** What to say, once it has happened. `state` is the one after the event. */
  see(event: HarnessEvent, state: ViewState, story: Story): string | null;
}

type See = Chapter['see'];

/** Text of a request that is made again, byte for byte: its answer did not come, or was spoilt. */
export const REPEATED = 'repeated';

const BACK: readonly string[] = ['end'];
const logged =
  (name: string, text: string, where: (fields: Record<string, unknown>) => boolean = () => true): See =>
  (event) =>
    event.kind === 'log' && event.event === name && where(event.fields) ? text : null;

const availableOf = ({ nodes }: ViewState): number => nodes.filter(({ available }) => available).length;
const nodeAt = ({ nodes }: ViewState, target: number | null) =>
  nodes.find(({ nodeId, protocol }) => protocol === 'osdp' && nodeId.split('/')[1] === String(target));
const alarmOf = ({ shadow }: ViewState, kind: string, { target, at }: Story) => {
  const alarms = (Array.isArray(shadow.reported.alarms) ? shadow.reported.alarms : []) as {
    kind: string;
    node?: string;
    since: number;
    until?: number;
  }[];
  return alarms.find(
    (alarm) => alarm.kind === kind && alarm.node?.split('/')[1] === String(target) && (alarm.until ?? alarm.since) >= at - 1_000,
  );
};

const linkDown: Chapter = {
  name: 'down',
  see: (event) =>
    event.kind === 'log' && event.event === 'cloud_down' ? `the hub notices that its link is gone (${event.fields.reason})` : null,
};
const told: Chapter = {
  name: 'offline',
  see: (event, state) =>
    event.kind === 'shadow' && state.shadow.reported.online === false ? 'the cloud shows the hub offline, by its will' : null,
};
const online: Chapter = {
  name: 'online',
  see(event, { shadow }, { before }) {
    const { online: isOnline, session } = shadow.reported;
    return event.kind === 'shadow' && isOnline === true && session !== before.session ? 'online again, with a new session' : null;
  },
};
const allBack: Chapter = {
  name: 'back',
  see(event, state, { before }) {
    if (event.kind !== 'nodes' || before.available === 0 || availableOf(state) < before.available) return null;
    return before.available === 1 ? 'its node is back' : `all ${before.available} nodes are back`;
  },
};
/** An answer to a poll; of this address. */
const isAnswer = (event: HarnessEvent, target: number | null = null): boolean =>
  event.kind === 'polls' && event.list.some(([, address, answerMs]) => answerMs !== null && (target === null || address === target));

/** A command that the harness sends with a fault, from the shadow to its answer. */
const answered: readonly Chapter[] = [
  reached('sent', 'server_info stands in the shadow', []),
  reached('taken', 'taken, and cleared from the shadow', ['sent']),
  {
    name: 'answered',
    after: ['taken'],
    last: true,
    see(_, state, { before }) {
      const command = commandSince(state, before.command, 'answered');
      return command ? `answered ${command.status}, once` : null;
    },
  },
];

function reached(stage: string, text: string, after: readonly string[]): Chapter {
  return { name: stage, after, see: (_, state, { before }) => (commandSince(state, before.command, stage) ? text : null) };
}

function commandSince({ commands }: ViewState, number: number, stage: string): CommandView | undefined {
  return commands.find((each) => each.number > number && each.stages.some(({ name }) => name === stage));
}

const refused = (code: number, text: string): Chapter => ({
  name: 'refused',
  see: (event) =>
    event.kind === 'packet' && event.topic?.endsWith('/shadow/update/rejected') && event.text?.includes(`"code":${code}`) ? text : null,
});

/** What is told of each fault, in the order in which it usually happens. */
export const CHAPTERS: Readonly<Record<string, readonly Chapter[]>> = {
  serial: [
    { name: 'lost', see: logged('bus_unavailable', 'the hub reports its bus unavailable') },
    {
      name: 'gone',
      see: (event, state, { before }) =>
        event.kind === 'nodes' && before.available > 0 && availableOf(state) === 0 ? `${before.available} nodes unavailable` : null,
    },
    { name: 'open', after: BACK, see: logged('bus_up', 'the port is open again') },
    { ...allBack, after: ['gone', 'end'], last: true },
    {
      name: 'kept',
      after: ['open'],
      last: true,
      see: (event, _, { told }) =>
        !told.includes('gone') && isAnswer(event) ? 'peripherals answer again; no node was lost meanwhile' : null,
    },
  ],
  silence: [
    {
      name: 'gone',
      see: (event, state, { target }) =>
        event.kind === 'nodes' && nodeAt(state, target)?.available === false ? 'its node is unavailable' : null,
    },
    {
      name: 'back',
      after: ['gone', 'end'],
      last: true,
      see: (event, state, { target }) => (event.kind === 'nodes' && nodeAt(state, target)?.available ? 'its node is back' : null),
    },
    {
      name: 'kept',
      after: BACK,
      last: true,
      see: (event, _, { told, target }) =>
        !told.includes('gone') && isAnswer(event, target)
          ? 'it answers; its node was never lost, since it was silent for less than eight seconds'
          : null,
    },
  ],
  tamper: [
    {
      name: 'tampered',
      see: (event, state, { target }) => (event.kind === 'nodes' && nodeAt(state, target)?.tamper ? 'the node shows it' : null),
    },
    {
      name: 'alarm',
      see: (event, state, story) => (event.kind === 'shadow' && alarmOf(state, 'tamper', story) ? 'the alarm is in the shadow' : null),
    },
    {
      name: 'over',
      after: BACK,
      last: true,
      see: (event, state, story) =>
        event.kind === 'shadow' && alarmOf(state, 'tamper', story)?.until ? 'the alarm is over, and still listed' : null,
    },
  ],
  power: [
    {
      name: 'power',
      see: (event, state, { target }) => (event.kind === 'nodes' && nodeAt(state, target)?.powerFault ? 'the node shows it' : null),
    },
    {
      name: 'over',
      after: ['power', 'end'],
      last: true,
      see: (event, state, { target }) =>
        event.kind === 'nodes' && nodeAt(state, target)?.powerFault === false ? 'the node is well again' : null,
    },
  ],
  swap: [
    {
      name: 'noticed',
      see: (event, state, { target }) =>
        event.kind === 'nodes' && nodeAt(state, target)?.replaced ? 'the hub notices another device at the address' : null,
    },
    {
      name: 'alarm',
      see: (event, state, story) =>
        event.kind === 'shadow' && alarmOf(state, 'device_replaced', story) ? 'the alarm is in the shadow' : null,
    },
    {
      name: 'old',
      after: ['noticed', 'end'],
      last: true,
      see: (event, state, { target }) =>
        event.kind === 'nodes' && nodeAt(state, target)?.replaced === false ? 'the hub knows the old one again' : null,
    },
  ],
  card: [
    {
      name: 'read',
      last: true,
      see: (event, _, { target }) =>
        event.kind === 'frame' && event.address === target && event.name === 'RAW'
          ? 'the reader hands it over; its number appears nowhere here'
          : null,
    },
  ],
  noise: [
    {
      name: 'repeats',
      see: (event) => (event.kind === 'frame' && event.text === REPEATED ? 'an answer is spoilt; the hub asks again' : null),
    },
    {
      name: 'kept',
      after: BACK,
      last: true,
      see: (event, state, { before }) => (isAnswer(event) && availableOf(state) >= before.available ? 'no node was lost' : null),
    },
  ],
  kill: [
    told,
    { name: 'started', see: (event) => (event.kind === 'agent' && event.state === 'started' ? 'started again, as systemd does' : null) },
    { ...online, after: ['started'] },
    { ...allBack, after: ['started', 'online'], last: true },
  ],
  freeze: [
    {
      name: 'timeout',
      see: (event) =>
        event.kind === 'broker' && event.hub && event.what === 'disconnected' ? `the cloud ends the session (${event.reason})` : null,
    },
    told,
    {
      name: 'kept',
      after: BACK,
      last: true,
      see: (event, { hub }, story) =>
        event.kind === 'vitals' && hub.connected && !story.told.includes('timeout') ? 'its session was not lost' : null,
    },
    { ...online, after: BACK, last: true },
  ],
  broker: [
    linkDown,
    { name: 'started', see: (event) => (event.kind === 'broker' && event.what === 'started' ? 'the broker is there again' : null) },
    { ...online, last: true },
  ],
  half_open: [linkDown, told, { ...online, last: true }],
  late_will: [
    linkDown,
    { name: 'reconnected', see: logged('cloud_online', 'connected again, before the will has come') },
    {
      name: 'will',
      after: ['reconnected'],
      see: (event, _, { before }) =>
        event.kind === 'presence' && event.state === 'offline' && event.session === before.session ? 'the late will says offline' : null,
    },
    {
      name: 'again',
      after: ['will'],
      last: true,
      see: (event) => (event.kind === 'presence' && event.state === 'online' ? 'the hub publishes its birth again: online' : null),
    },
  ],
  lost_acks: answered,
  lost_responses: answered,
  refused_subscription: [
    linkDown,
    {
      name: 'left_out',
      see: (event) =>
        event.kind === 'log' && event.event === 'cloud_operation_quarantined'
          ? `left out for ${event.fields.minutes} min: ${event.fields.operation}`
          : null,
    },
    { ...online, after: ['left_out'], last: true },
  ],
  stale_versions: [refused(409, 'the Shadow service answers 409: the version is stale'), ...answered],
  throttling: [refused(429, 'the Shadow service answers 429: too many requests'), ...answered],
  clock: answered,
  slow_link: answered,
  blocked_port: [
    linkDown,
    {
      name: 'fallback',
      see: (event, { hub }) =>
        event.kind === 'log' && event.event === 'cloud_connecting' && !hub.iotCore?.endsWith(`:${event.fields.port}`)
          ? 'the hub takes the second port, as 443 with ALPN'
          : null,
    },
    { ...online, last: true },
  ],
};
