import type { Story } from '../../model/state.ts';
import { timed } from '../../model/stories.ts';
import { usePage } from '../context.ts';
import { clock } from '../words.ts';
import { Panel } from './panel.tsx';

/** What the hub did about each fault, with the time that it took. */
export function Stories() {
  const { store } = usePage();
  void store.watch(({ stories }) => stories.map(({ number, steps, open }) => `${number}.${steps.length}.${open}`).join()).value;
  const stories = store.state.stories.toReversed();
  return (
    <Panel title="What the hub did about it" name="stories">
      {stories.length === 0 && (
        <p class="empty">Break something, and watch what the hub does. Every sentence here comes from the hub’s own events.</p>
      )}
      <ol class="story-list">
        {stories.map((story) => (
          <li key={story.number}>
            <Tale story={story} />
          </li>
        ))}
      </ol>
    </Panel>
  );
}

/** One story: what was done, and what came of it. */
export function Tale({ story }: { story: Story }) {
  return (
    <p class={story.open ? 'tale open' : 'tale'} data-story={story.fault}>
      <time>{clock(story.at)}</time>{' '}
      {timed(story).map(({ text, after }, index) => (
        <span key={index} class={after === null ? 'act' : 'did'}>
          {index > 0 && <span class="arrow"> → </span>}
          {text}
          {after !== null && <b> after {after}</b>}
        </span>
      ))}
      {story.open && <span class="running"> …</span>}
    </p>
  );
}
