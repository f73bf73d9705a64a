import { expect, test } from 'vitest';
import { HubError } from '../../../../agent/system/errors.ts';
import { CHANGE_START, type ChangeEvent, type ChangeState, nextStep } from '../../../../agent/wifi/change/change.ts';

const before = new HubError('internal', 'why the change failed');
const given = new HubError('wifi_no_address', 'what the event tells');

const states: Record<string, ChangeState> = {
  surveying: { name: 'surveying' },
  checkpointing: { name: 'checkpointing' },
  adding: { name: 'adding' },
  activating: { name: 'activating' },
  connecting: { name: 'connecting' },
  proving: { name: 'proving' },
  saving: { name: 'saving' },
  committing: { name: 'committing' },
  abandoning: { name: 'abandoning', error: before },
  rolling_back: { name: 'rolling_back', error: before },
  settling: { name: 'settling', error: before, proven: true },
  returning_old: { name: 'returning', error: before },
  returning_new: { name: 'returning', error: null },
  done: { name: 'done' },
  failed: { name: 'failed', error: before },
};

const events: Record<string, ChangeEvent> = {
  surveyed: { type: 'surveyed' },
  checkpointed: { type: 'checkpointed' },
  profile_added: { type: 'profile_added' },
  activation_started: { type: 'activation_started' },
  link_up: { type: 'link_up' },
  proved: { type: 'proved' },
  saved: { type: 'saved' },
  committed: { type: 'committed' },
  refused: { type: 'refused', error: given },
  unanswered: { type: 'unanswered', error: given },
  link_failed: { type: 'link_failed', error: given },
  manager_lost: { type: 'manager_lost', error: given },
  deadline: { type: 'deadline' },
  aborted: { type: 'aborted', error: given },
  restored: { type: 'restored' },
  settled_old: { type: 'settled', kept: false },
  settled_new: { type: 'settled', kept: true },
  returned: { type: 'returned', connected: true },
};

/**
 * Every arrow: `state event` → `next state / effect / code of the error it carries`. What is not here must not move the machine.
 * `given`: the event's error; `before`: the state's.
 */
const arrows: Record<string, string> = {
  'surveying surveyed': 'checkpointing / create_checkpoint',
  'surveying refused': 'failed / finish / given',
  'surveying unanswered': 'failed / finish / given',
  'surveying manager_lost': 'failed / finish / given',
  'surveying aborted': 'failed / finish / given',
  'surveying deadline': 'failed / finish / timeout',

  'checkpointing checkpointed': 'adding / add_profile',
  'checkpointing refused': 'abandoning / abandon / given',
  'checkpointing unanswered': 'abandoning / abandon / given',
  'checkpointing aborted': 'abandoning / abandon / given',
  'checkpointing deadline': 'abandoning / abandon / timeout',
  'checkpointing manager_lost': 'settling / settle / wifi_rolled_back',

  'adding profile_added': 'activating / activate',
  'adding refused': 'abandoning / abandon / given',
  'adding unanswered': 'abandoning / abandon / given',
  'adding aborted': 'abandoning / abandon / given',
  'adding deadline': 'abandoning / abandon / timeout',
  'adding manager_lost': 'settling / settle / wifi_rolled_back',

  'activating activation_started': 'connecting / await_link',
  'activating refused': 'abandoning / abandon / given',
  'activating unanswered': 'rolling_back / roll_back / given',
  'activating link_failed': 'rolling_back / roll_back / given',
  'activating aborted': 'rolling_back / roll_back / given',
  'activating deadline': 'rolling_back / roll_back / timeout',
  'activating manager_lost': 'settling / settle / wifi_rolled_back',

  'connecting link_up': 'proving / prove',
  'connecting refused': 'rolling_back / roll_back / given',
  'connecting unanswered': 'rolling_back / roll_back / given',
  'connecting link_failed': 'rolling_back / roll_back / given',
  'connecting aborted': 'rolling_back / roll_back / given',
  'connecting deadline': 'rolling_back / roll_back / timeout',
  'connecting manager_lost': 'settling / settle / wifi_rolled_back',

  'proving proved': 'saving / save',
  'proving refused': 'rolling_back / roll_back / given',
  'proving unanswered': 'rolling_back / roll_back / given',
  'proving link_failed': 'rolling_back / roll_back / given',
  'proving aborted': 'rolling_back / roll_back / given',
  'proving deadline': 'rolling_back / roll_back / wifi_cloud_unreachable',
  'proving manager_lost': 'settling / settle / wifi_rolled_back',

  'saving saved': 'committing / commit',
  'saving refused': 'rolling_back / roll_back / given',
  'saving unanswered': 'rolling_back / roll_back / given',
  'saving link_failed': 'rolling_back / roll_back / given',
  'saving manager_lost': 'settling / settle / wifi_rolled_back / proven',

  'committing committed': 'done / finish',
  'committing refused': 'settling / settle / wifi_rolled_back / proven',
  'committing unanswered': 'settling / settle / wifi_rolled_back / proven',
  'committing manager_lost': 'settling / settle / wifi_rolled_back / proven',

  'abandoning restored': 'failed / finish / before',
  'abandoning refused': 'settling / settle / before',
  'abandoning unanswered': 'settling / settle / before',
  'abandoning manager_lost': 'settling / settle / before',

  'rolling_back restored': 'returning / await_cloud / before',
  'rolling_back refused': 'settling / settle / before',
  'rolling_back unanswered': 'settling / settle / before',
  'rolling_back manager_lost': 'settling / settle / before',

  'settling settled_old': 'returning / await_cloud / before',
  'settling settled_new': 'returning / await_cloud',
  'settling refused': 'returning / await_cloud / before',
  'settling unanswered': 'returning / await_cloud / before',

  'returning_old returned': 'failed / finish / before',
  'returning_old aborted': 'failed / finish / before',
  'returning_new returned': 'done / finish',
  'returning_new aborted': 'done / finish',
};

function describe(state: ChangeState, effect: string): string {
  const parts = [state.name, effect];
  if ('error' in state && state.error) parts.push(state.error === given ? 'given' : state.error === before ? 'before' : state.error.code);
  if (state.name === 'settling' && state.proven) parts.push('proven');
  return parts.join(' / ');
}

for (const [stateName, state] of Object.entries(states)) {
  test(`${stateName}: every event is decided`, () => {
    const moves = Object.entries(events).flatMap(([eventName, event]) => {
      const step = nextStep(state, event);
      return step ? [[`${stateName} ${eventName}`, describe(step.state, step.effect)]] : [];
    });
    const expected = Object.entries(arrows).filter(([arrow]) => arrow.startsWith(`${stateName} `));
    expect(Object.fromEntries(moves)).toEqual(Object.fromEntries(expected));
  });
}

test('the straight way', () => {
  let step = CHANGE_START;
  const seen = [step.effect];
  for (const type of [
    'surveyed',
    'checkpointed',
    'profile_added',
    'activation_started',
    'link_up',
    'proved',
    'saved',
    'committed',
  ] as const) {
    step = nextStep(step.state, { type })!;
    seen.push(step.effect);
  }
  expect(step.state.name).toBe('done');
  expect(seen).toEqual(['survey', 'create_checkpoint', 'add_profile', 'activate', 'await_link', 'prove', 'save', 'commit', 'finish']);
});

test('from every state every way leads to an end, and to success only through a proof', () => {
  const ends = new Set<string>();
  const seen = new Set<string>();
  const walk = (state: ChangeState, proved: boolean) => {
    const key = JSON.stringify([state.name, 'proven' in state && state.proven, 'error' in state && state.error !== null, proved]);
    if (seen.has(key)) return;
    seen.add(key);
    const steps = Object.values(events).flatMap((event) => {
      // Settling keeps a network only when it was told that there is a proof.
      if (event.type === 'settled' && event.kept && !(state.name === 'settling' && state.proven)) return [];
      const step = nextStep(state, event);
      return step ? [{ step, proved: proved || event.type === 'proved' }] : [];
    });
    if (steps.length === 0) {
      ends.add(state.name);
      if (state.name === 'done') expect(proved).toBe(true);
    }
    for (const each of steps) walk(each.step.state, each.proved);
  };
  walk(CHANGE_START.state, false);
  expect([...ends].sort()).toEqual(['done', 'failed']);
});
