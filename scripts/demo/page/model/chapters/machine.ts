import { allBack, BACK, type Chapter, linkDown, logged, offline, online } from './chapter.ts';
import { commandSince, reached } from './command.ts';

const left: Chapter = {
  name: 'left',
  see: (event) => (event.kind === 'wifi' && event.network === null ? 'the hub is on no network' : null),
};
const joined: Chapter = {
  name: 'joined',
  after: BACK,
  see: (event) => (event.kind === 'wifi' && event.network !== null ? `the hub is on “${event.network}”` : null),
};
/** A packet from the hub in the session that it had before: a short absence broke no link. */
const kept: Chapter = {
  name: 'kept',
  after: ['joined'],
  last: true,
  see: (event, { hub }, { told, before }) =>
    event.kind === 'packet' &&
    event.direction === 'up' &&
    hub.presence?.session === before.session &&
    !told.some((name) => name === linkDown.name || name === offline.name)
      ? 'its session was not lost'
      : null,
};
const networkLost: readonly Chapter[] = [left, linkDown, offline, joined, kept, { ...online, after: BACK, last: true }];

/** What is told of faults of a whole machine, and of the air around it. */
export const MACHINE_CHAPTERS: Readonly<Record<string, readonly Chapter[]>> = {
  cord: [
    offline,
    {
      name: 'booted',
      after: BACK,
      see: (event) => (event.kind === 'agent' && event.state === 'started' ? 'booted; the agent is started' : null),
    },
    { ...online, after: ['booted'] },
    { ...allBack, after: ['online'], last: true },
  ],
  hub_clock: [
    linkDown,
    {
      name: 'waits',
      see: logged(
        'cloud_waiting',
        'the hub waits: its clock is not set, so no certificate can be checked',
        ({ reason }) => reason === 'clock_unsynced',
      ),
    },
    offline,
    { ...online, after: BACK, last: true },
  ],
  home_off: networkLost,
  home_password: networkLost,
  home_weak: [
    reached('sent', 'server_info stands in the shadow', []),
    reached('taken', 'taken, and cleared from the shadow', ['sent']),
    {
      name: 'answered',
      after: ['taken'],
      see(_, state, { before }) {
        const answered = commandSince(state, before.command, 'answered');
        const signal = /"signalDbm":(-\d+)/.exec(answered?.result ?? '')?.[1];
        return answered && signal ? `answered ${answered.status}: the hub measures ${signal} dBm` : null;
      },
    },
    { ...left },
    { ...linkDown },
    {
      name: 'kept',
      after: ['answered', 'end'],
      last: true,
      see: (event, { hub }, { told }) =>
        event.kind === 'vitals' && hub.connected ? (told.includes('down') ? 'the hub is connected' : 'its session was not lost') : null,
    },
  ],
  away_off: [
    {
      name: 'refused',
      see(_, { commands }, { before }) {
        const tried = commands.find(({ number, command, stages }) => isMove(number, command, before.command) && stages.some(isAnswer));
        return tried ? `set_wifi_credentials answered ${tried.status}${tried.error ? ` (${tried.error.split(':')[0]})` : ''}` : null;
      },
    },
    {
      name: 'stayed',
      after: BACK,
      last: true,
      see: (event, { hub }) => (event.kind === 'vitals' && hub.connected && hub.wifi ? `the hub is on “${hub.wifi}”` : null),
    },
  ],
};

const isMove = (number: number, command: string, since: number): boolean => number > since && command === 'set_wifi_credentials';
const isAnswer = ({ name }: { name: string }): boolean => name === 'answered';
