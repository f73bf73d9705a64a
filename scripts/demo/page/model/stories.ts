import { CHAPTERS } from './chapters.ts';
import type { FaultEvent, HarnessEvent } from './events.ts';
import { KEPT, keep, type Story, type ViewState } from './state.ts';

/** A story that does not come to its end is closed: the hub may have been told something else meanwhile. */
const LONGEST_MS = 600_000;

/** Tells what the hub does about a fault, from the hub's own events. */
export function onStoryEvent(state: ViewState, event: HarnessEvent): void {
  if (event.kind === 'fault') onFault(state, event, event.at);
  for (const story of state.stories) if (story.open) tell(state, story, event);
}

function onFault(state: ViewState, fault: FaultEvent, at: number): void {
  const { id, action, title } = fault;
  const target = fault.target ?? null;
  const same = (each: { id: string; target: number | null }) => each.id === id && each.target === target;
  state.faults = state.faults.filter((each) => !same(each));
  if (action === 'begin') keep(state.faults, { id, target, since: at }, KEPT.faults);
  const latest = state.stories.findLast((story) => story.fault === id && story.target === target);
  if (action === 'end' && latest && !latest.told.includes('end')) {
    latest.steps.push({ at, text: title, kind: 'act' });
    latest.told.push('end');
    return;
  }
  if (latest) latest.open = false;
  state.told += 1;
  const available = state.nodes.filter((node) => node.available).length;
  const session = state.hub.presence?.session ?? null;
  const story: Story = {
    number: state.told,
    fault: id,
    target,
    at,
    steps: [{ at, text: title, kind: 'act' }],
    told: [action],
    before: { available, session, command: state.commanded },
    open: true,
  };
  keep(state.stories, story, KEPT.stories);
}

function tell(state: ViewState, story: Story, event: HarnessEvent): void {
  if (event.at - story.steps.at(-1)!.at > LONGEST_MS) {
    story.open = false;
    return;
  }
  const chapters = Object.hasOwn(CHAPTERS, story.fault) ? CHAPTERS[story.fault]! : [];
  for (const chapter of chapters) {
    if (story.told.includes(chapter.name) || !(chapter.after ?? []).every((name) => story.told.includes(name))) continue;
    const text = chapter.see(event, state, story);
    if (text === null) continue;
    story.told.push(chapter.name);
    story.steps.push({ at: event.at, text, kind: 'hub' });
    if (chapter.last) story.open = false;
  }
}

/** A duration as a person says it: tenths of a second under a minute. */
function duration(ms: number): string {
  if (ms < 950) return `${Math.max(0, ms / 1_000).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Each step with the time since what was last done to the hub; null for what was done itself. */
export function timed(story: Story): { text: string; after: string | null }[] {
  let acted = story.at;
  return story.steps.map(({ at, text, kind }) => {
    if (kind === 'act') {
      acted = at;
      return { text, after: null };
    }
    return { text, after: duration(at - acted) };
  });
}

/** The whole story in one line. */
export const sentence = (story: Story): string =>
  timed(story)
    .map(({ text, after }) => (after === null ? text : `${text} after ${after}`))
    .join(' → ');
