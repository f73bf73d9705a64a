import type { HubView, ViewState } from '../../model/state.ts';
import { usePage } from '../context.ts';
import { age, megabytes } from '../words.ts';
import { Badge, Panel, type Tone } from './panel.tsx';

const PROCESS: Record<HubView['agent']['state'], [Tone, string]> = {
  unknown: ['quiet', 'not started'],
  started: ['good', 'runs'],
  thawed: ['good', 'runs'],
  frozen: ['warn', 'stands still'],
  ended: ['bad', 'ended'],
};

/** Presence as the cloud has it, beside the actual state. */
export function Hub() {
  const { store } = usePage();
  void store.watch(({ hub, shadow }) => JSON.stringify([hub, shadow.reported.online, shadow.version])).value;
  const { hub, shadow } = store.state;
  const { vitals } = hub;
  const [tone, word] = PROCESS[hub.agent.state];
  const alive = tone === 'good' && hub.connected;
  const shown = shadow.reported.online === true;
  return (
    <Panel title="Hub" name="hub" aside={<code class="id">{hub.hubId?.slice(0, 8) ?? '…'}</code>}>
      <div class="facing">
        <div>
          <h3>The cloud shows</h3>
          <p class="big">
            {shadow.version === 0 ? (
              <Badge tone="quiet">nothing yet</Badge>
            ) : (
              <Badge tone={shown ? 'good' : 'bad'}>{shown ? 'online' : 'offline'}</Badge>
            )}
          </p>
          <p class="small">presence message: {hub.presence?.state ?? 'none'}</p>
        </div>
        <div>
          <h3>Actual state</h3>
          <p class="big">
            <Badge tone={tone}>{word}</Badge>{' '}
            <Badge tone={hub.connected ? 'good' : 'bad'}>{hub.connected ? 'connected' : 'no connection'}</Badge>
          </p>
          <p class="small">{verdict(shown, alive)}</p>
        </div>
      </div>
      <dl class="facts">
        {facts(store.state).map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      {vitals?.buses.map(({ id, state, reason }) => (
        <p key={id} class="bus">
          bus <code>{id}</code> <Badge tone={state === 'up' ? 'good' : 'bad'}>{reason ? `${state}: ${reason}` : state}</Badge>
        </p>
      ))}
    </Panel>
  );
}

function verdict(shown: boolean, alive: boolean): string {
  if (shown === alive) return 'both agree';
  return alive ? 'the cloud does not know it yet' : 'the cloud has not noticed yet';
}

function facts({ hub }: ViewState): [string, string][] {
  const { vitals, presence, wifi, agent } = hub;
  return [
    ['session', presence?.session.slice(0, 8) ?? '–'],
    ['process', agent.pid === null ? '–' : String(agent.pid)],
    ['up for', vitals?.uptimeSeconds == null ? '–' : age(vitals.uptimeSeconds)],
    ['memory', vitals?.rssBytes == null ? '–' : megabytes(vitals.rssBytes)],
    ['processor', vitals?.cpu == null ? '–' : `${(vitals.cpu * 100).toFixed(1)} %`],
    ['Wi-Fi', wifi ?? 'none'],
    ['cloud port', vitals ? String(vitals.port) : '–'],
    ['reconnects', vitals ? String(vitals.reconnects) : '–'],
    ['version', vitals?.version ?? '–'],
  ];
}
