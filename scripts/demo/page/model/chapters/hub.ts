import { allBack, BACK, type Chapter, offline, online } from './chapter.ts';

/** What is told of faults of the agent's process. */
export const HUB_CHAPTERS: Readonly<Record<string, readonly Chapter[]>> = {
  kill: [
    offline,
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
    offline,
    {
      name: 'kept',
      after: BACK,
      last: true,
      see: (event, { hub }, story) =>
        event.kind === 'vitals' && hub.connected && !story.told.includes('timeout') ? 'its session was not lost' : null,
    },
    { ...online, after: BACK, last: true },
  ],
};
