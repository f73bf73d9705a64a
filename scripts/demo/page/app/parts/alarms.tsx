import { usePage } from '../context.ts';
import { clock } from '../words.ts';
import { Badge, Panel } from './panel.tsx';

interface Alarm {
  kind: string;
  node?: string;
  since: number;
  until?: number;
}

/** What the hub tells without being asked. */
export function Alarms() {
  const { store } = usePage();
  const alarms = store.watch(({ shadow }) => JSON.stringify(shadow.reported.alarms ?? [])).value;
  const list = (JSON.parse(alarms) as Alarm[]).toReversed();
  return (
    <Panel
      title="Alarms"
      name="alarms"
      aside={<span class="count">{`${list.filter(({ until }) => until === undefined).length} stand`}</span>}
    >
      {list.length === 0 && <p class="empty">None.</p>}
      <ul class="alarm-list">
        {list.map(({ kind, node, since, until }) => (
          <li key={`${kind} ${node}`}>
            <Badge tone={until === undefined ? 'warn' : 'quiet'}>{kind.replaceAll('_', ' ')}</Badge> <code>{node ?? 'the hub'}</code>
            <span class="small">{until === undefined ? `since ${clock(since)}` : `over since ${clock(until)}`}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
