import { alarmOf, allBack, availableOf, BACK, type Chapter, isAnswer, logged, nodeAt, REPEATED } from './chapter.ts';

/** What is told of faults of the serial line and its peripherals. */
export const BUS_CHAPTERS: Readonly<Record<string, readonly Chapter[]>> = {
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
};
