import { onCommandEvent } from './commands.ts';
import type { HarnessEvent } from './events.ts';
import { onHubEvent } from './hub.ts';
import type { ViewState } from './state.ts';
import { onStoryEvent } from './stories.ts';
import { onTrafficEvent } from './traffic.ts';

/**
 * Takes an event into the state, in place. The same code runs live, in a page that opens late, and in a replay: state and events alone decide,
 * never a clock. Kinds that are not known change nothing but the time.
 */
export function applyEvent(state: ViewState, event: HarnessEvent): void {
  state.now = Math.max(state.now, event.at);
  onHubEvent(state, event);
  onCommandEvent(state, event);
  onTrafficEvent(state, event);
  onStoryEvent(state, event);
}
