import type { HarnessEvent } from '../events.ts';
import type { Story, ViewState } from '../state.ts';

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

/** After a switch was switched off. */
export const BACK: readonly string[] = ['end'];
/** A line of the agent's log. */
export const logged =
  (name: string, text: string, where: (fields: Record<string, unknown>) => boolean = () => true): See =>
  (event) =>
    event.kind === 'log' && event.event === name && where(event.fields) ? text : null;

/** How many nodes are available. */
export const availableOf = ({ nodes }: ViewState): number => nodes.filter(({ available }) => available).length;
/** The node of a peripheral's address. */
export const nodeAt = ({ nodes }: ViewState, target: number | null) =>
  nodes.find(({ nodeId, protocol }) => protocol === 'osdp' && nodeId.split('/')[1] === String(target));
/** The alarm of a story's peripheral in the shadow, unless it was over before the story began. */
export const alarmOf = ({ shadow }: ViewState, kind: string, { target, at }: Story) => {
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

/** The hub's own notice of a link that ended. */
export const linkDown: Chapter = {
  name: 'down',
  see: (event) =>
    event.kind === 'log' && event.event === 'cloud_down' ? `the hub notices that its link is gone (${event.fields.reason})` : null,
};
/** The cloud's rule has written the will into the shadow. */
export const offline: Chapter = {
  name: 'offline',
  see: (event, state) =>
    event.kind === 'shadow' && state.shadow.reported.online === false ? 'the cloud shows the hub offline, by its will' : null,
};
/** Another session than before is online in the shadow. */
export const online: Chapter = {
  name: 'online',
  see(event, { shadow }, { before }) {
    const { online: isOnline, session } = shadow.reported;
    return event.kind === 'shadow' && isOnline === true && session !== before.session ? 'online again, with a new session' : null;
  },
};
/** As many nodes as before are available. */
export const allBack: Chapter = {
  name: 'back',
  see(event, state, { before }) {
    if (event.kind !== 'nodes' || before.available === 0 || availableOf(state) < before.available) return null;
    return before.available === 1 ? 'its node is back' : `all ${before.available} nodes are back`;
  },
};
/** An answer to a poll; of this address. */
export const isAnswer = (event: HarnessEvent, target: number | null = null): boolean =>
  event.kind === 'polls' && event.list.some(([, address, answerMs]) => answerMs !== null && (target === null || address === target));
