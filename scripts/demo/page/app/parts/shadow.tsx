import { differences, leavesOf } from '../../model/leaves.ts';
import { usePage } from '../context.ts';
import { clock, short } from '../words.ts';
import { Panel } from './panel.tsx';

/** A change is marked for so long. */
const MARKED_MS = 8_000;

/** The shadow leaf by leaf; what changed last is marked. */
export function Shadow() {
  const { store } = usePage();
  void store.watch(({ shadow, seconds }) => `${shadow.version} ${seconds.at(-1)?.second}`).value;
  const { version, desired, reported, changed } = store.state.shadow;
  const now = store.nowMs();
  const last = Math.max(0, ...Object.values(changed));
  const differs = new Set(differences({ desired }, { desired: pick(reported, desired) }));
  return (
    <Panel title="Shadow" name="shadow" aside={<span class="count">{version > 0 ? `version ${version}` : 'none yet'}</span>}>
      <Half
        name="desired"
        title="desired, written by the cloud"
        document={desired}
        empty="Empty: no command waits."
        {...{ changed, now, last, differs }}
      />
      <Half
        name="reported"
        title="reported, written by the hub"
        document={reported}
        empty="The hub has not reported yet."
        {...{ changed, now, last, differs }}
      />
    </Panel>
  );
}

interface HalfProps {
  name: string;
  title: string;
  document: Record<string, unknown>;
  empty: string;
  changed: Record<string, number>;
  now: number;
  last: number;
  differs: Set<string>;
}

function Half({ name, title, document, empty, changed, now, last, differs }: HalfProps) {
  const leaves = leavesOf(folded(document));
  return (
    <div class="half">
      <h3>{title}</h3>
      {leaves.length === 0 && <p class="empty">{empty}</p>}
      <dl class="leaves">
        {leaves.map(([path, value]) => {
          const at = changed[`${name}.${path}`] ?? 0;
          const fresh = at > 0 && (now - at < MARKED_MS || at === last);
          const waiting = name === 'desired' && differs.has(`desired.${path}`);
          return (
            <div key={path} class={`${fresh ? 'fresh' : ''} ${waiting ? 'waiting' : ''}`}>
              <dt>
                {path}
                {waiting && <span class="visually-hidden"> (not taken yet)</span>}
              </dt>
              <dd title={at > 0 ? `changed ${clock(at)}` : undefined}>
                {short(value)}
                {fresh && <span class="visually-hidden"> (changed last)</span>}
              </dd>
            </div>
          );
        })}
      </dl>
    </div>
  );
}

/** A command's result in one line: the timeline has it for reading. */
function folded(document: Record<string, unknown>): Record<string, unknown> {
  const { lastCommand } = document as { lastCommand?: { result?: unknown } };
  return lastCommand?.result === undefined
    ? document
    : { ...document, lastCommand: { ...lastCommand, result: JSON.stringify(lastCommand.result) } };
}

/** Of a document, what another names at its top. */
function pick(document: Record<string, unknown>, names: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(document).filter(([name]) => name in names));
}
