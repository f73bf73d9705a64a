import { signal } from '@preact/signals';
import { render } from 'preact';
import type { HarnessEvent } from '../model/events.ts';
import type { ViewState } from '../model/state.ts';
import { createColours } from './colours.ts';
import { type Page, PageProvider } from './context.ts';
import { Alarms } from './parts/alarms.tsx';
import { Commands } from './parts/commands.tsx';
import { Faults } from './parts/faults.tsx';
import { Guard } from './parts/guard.tsx';
import { Hub } from './parts/hub.tsx';
import { Lanes } from './parts/lanes.tsx';
import { Nodes } from './parts/nodes.tsx';
import { Playbar } from './parts/playbar.tsx';
import { Plots } from './parts/plots.tsx';
import { Promises } from './parts/promises.tsx';
import { Send } from './parts/send.tsx';
import { Shadow } from './parts/shadow.tsx';
import { Stories } from './parts/stories.tsx';
import { Trace } from './parts/trace.tsx';
import { createPlayer, type Player } from './player.ts';
import { createHarness } from './server.ts';
import { createStore } from './store.ts';
import { nextTheme } from './theme.ts';
import 'uplot/dist/uPlot.min.css';
import './style/base.css';
import './style/layout.css';
import './style/parts.css';

/** A notice stands for so long. */
const NOTICE_MS = 8_000;

const linked = signal(true);
const notice = signal('');
const player = signal<Player | null>(null);
let noticeTimer: ReturnType<typeof setTimeout> | undefined;

function say(text: string): void {
  clearTimeout(noticeTimer);
  notice.value = text;
  noticeTimer = setTimeout(() => {
    notice.value = '';
  }, NOTICE_MS);
}

function App({ store, harness, catalogue, colourOf }: Omit<Page, 'say'>) {
  const live = catalogue.mode === 'live';
  return (
    <PageProvider value={{ store, harness, catalogue, colourOf, say }}>
      <a class="skip" href="#main">
        To the hub
      </a>
      <header class="top">
        <h1>hub agent</h1>
        <span class="small">{live ? (linked.value ? 'live' : 'the harness does not answer; trying again') : 'replay'}</span>
        <span class="grow" />
        {live && (
          <a class="button" href={harness.recordingUrl} download>
            Save this run
          </a>
        )}
        <button type="button" onClick={nextTheme}>
          Light or dark
        </button>
      </header>
      {player.value && <Playbar player={player.value} savedAt={catalogue.savedAt} />}
      <main id="main" class={live ? 'grid' : 'grid replay'}>
        <div class="column">
          <Guard>
            <Hub />
          </Guard>
          <Guard>
            <Promises />
          </Guard>
          <Guard>
            <Faults />
          </Guard>
        </div>
        <div class="column wide">
          <Guard>
            <Stories />
          </Guard>
          <Guard>
            <Lanes />
          </Guard>
          <Guard>
            <Nodes />
          </Guard>
          <Guard>
            <Plots />
          </Guard>
          <Guard>
            <Trace />
          </Guard>
        </div>
        <div class="column pair">
          <div class="column">
            <Guard>
              <Send />
            </Guard>
            <Guard>
              <Commands />
            </Guard>
          </div>
          <div class="column">
            <Guard>
              <Alarms />
            </Guard>
            <Guard>
              <Shadow />
            </Guard>
          </div>
        </div>
      </main>
      <p class="notice" role="status" aria-live="polite">
        {notice.value}
      </p>
    </PageProvider>
  );
}

async function start(root: HTMLElement): Promise<void> {
  const harness = createHarness(new URL(location.href).searchParams.get('token') ?? '');
  const catalogue = await harness.catalogue();
  const store = createStore();
  const recorded: { base: ViewState | null; events: HarnessEvent[] } = { base: null, events: [] };
  const isReplay = catalogue.mode === 'replay';
  if (isReplay) store.halt();
  harness.follow({
    onBase(state) {
      Object.assign(recorded, { base: structuredClone(state), events: [] });
      store.reset(state);
    },
    onEvents(events) {
      if (isReplay) recorded.events.push(...events);
      else store.take(events);
    },
    onWhole() {
      document.body.dataset.ready = 'true';
      if (!isReplay || recorded.base === null) return;
      player.value?.pause();
      player.value = createPlayer(store, recorded.base, recorded.events);
      player.value.seek(player.value.toMs);
    },
    onLink(up) {
      linked.value = up;
    },
  });
  root.textContent = '';
  render(<App store={store} harness={harness} catalogue={catalogue} colourOf={createColours(document.body)} />, root);
}

const root = document.getElementById('app');
if (root) {
  start(root).catch((error: unknown) => {
    root.textContent = error instanceof Error ? error.message : String(error);
  });
}
