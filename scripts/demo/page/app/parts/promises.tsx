import { usePage } from '../context.ts';
import { FaultButton } from './faults.tsx';
import { Panel } from './panel.tsx';
import { Tale } from './stories.tsx';

/** What this software promises, and the fault that puts each promise to the test. A rig that lacks the fault does not show the promise. */
const PROMISES: readonly { title: string; text: string; fault: string }[] = [
  {
    title: 'Presence is correct',
    text: 'Online means connected now; a late will of an old session does not change that.',
    fault: 'late_will',
  },
  {
    title: 'Every command is taken once, and answered',
    text: 'Lost answers, stale versions and a restart in the middle change nothing about it.',
    fault: 'stale_versions',
  },
  {
    title: 'What is plugged in is found again',
    text: 'Adapters, locks and readers come and go. No restart is needed.',
    fault: 'serial',
  },
  {
    title: 'It comes back by itself',
    text: 'Killed or frozen, with a broken link or a blocked port: the hub returns with a new session.',
    fault: 'kill',
  },
  {
    title: 'Power may go at any moment',
    text: 'What was taken is answered after the next boot, and nothing is done twice.',
    fault: 'cord',
  },
];

/** The promises, each with a button that tries it. */
export function Promises() {
  const { store, catalogue } = usePage();
  void store.watch(({ stories }) => stories.map(({ number, steps, open }) => `${number}.${steps.length}.${open}`).join()).value;
  const { stories } = store.state;
  return (
    <Panel title="What a hub promises" name="promises">
      <ul class="promise-list">
        {PROMISES.map(({ title, text, fault }) => {
          const info = catalogue.faults.find(({ id }) => id === fault);
          const story = stories.findLast((each) => each.fault === fault);
          if (!info && !story && (catalogue.mode === 'live' || fault === 'cord')) return null;
          return (
            <li key={fault}>
              <h3>{title}</h3>
              <p class="small">{text}</p>
              {info && <FaultButton fault={info} target={null} />}
              {story && <Tale story={story} />}
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}
