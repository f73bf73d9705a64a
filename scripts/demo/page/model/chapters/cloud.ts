import { type Chapter, linkDown, logged, offline, online } from './chapter.ts';
import { answered, refused } from './command.ts';

/** What is told of faults between the hub and its cloud. */
export const CLOUD_CHAPTERS: Readonly<Record<string, readonly Chapter[]>> = {
  broker: [
    linkDown,
    { name: 'started', see: (event) => (event.kind === 'broker' && event.what === 'started' ? 'the broker is there again' : null) },
    { ...online, last: true },
  ],
  half_open: [linkDown, offline, { ...online, last: true }],
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
