import type { CommandView } from '../../model/state.ts';
import { usePage } from '../context.ts';
import { clock, pretty, span } from '../words.ts';
import { Badge, Panel, type Tone } from './panel.tsx';
import { Scroll } from './scroll.tsx';

const TONES: Readonly<Record<string, Tone>> = { SUCCEEDED: 'good', SENT: 'quiet', IN_PROGRESS: 'quiet' };

/** Commands with their stages and times, the latest first. */
export function Commands() {
  const { store } = usePage();
  void store.watch(({ commands }) => commands.map(({ number, status, stages }) => `${number}.${status}.${stages.length}`).join()).value;
  const commands = store.state.commands.toReversed();
  return (
    <Panel title="Commands" name="commands" aside={<span class="count">{commands.length}</span>}>
      {commands.length === 0 && <p class="empty">None yet.</p>}
      <ol class="command-list">
        {commands.map((command) => (
          <li key={command.number}>
            <Command {...command} />
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function Command({ command, status, stages, error, args, result, id }: CommandView) {
  const start = stages[0]?.at ?? 0;
  const total = Math.max(1, (stages.at(-1)?.at ?? start) - start);
  return (
    <details>
      <summary>
        <span class="command-head">
          <b>{command}</b> <Badge tone={TONES[status] ?? 'bad'}>{status}</Badge>
          <time class="small">{clock(start)}</time>
          <span class="count">{stages.length > 1 ? span(total) : ''}</span>
        </span>
        <svg class="stages" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
          {stages.slice(1).map(({ name, at }, index) => {
            const from = ((stages[index]!.at - start) / total) * 1_000;
            const to = ((at - start) / total) * 1_000;
            return <rect key={name} class={`stage-${index % 6}`} x={from} y={0} width={Math.max(2, to - from)} height={10} />;
          })}
        </svg>
        <span class="stage-words small">
          {stages.map(({ name, at }, index) => (
            <span key={name} class={`stage-word-${(index + 5) % 6}`}>
              {index === 0 ? name : `${name} +${span(at - start)}`}
            </span>
          ))}
        </span>
        {error !== null && <span class="problem">{error}</span>}
      </summary>
      <p class="small">
        id <code>{id ?? 'none yet'}</code>
      </p>
      <Scroll name="detail" label={`Details of ${command}`}>
        <pre>{`args ${pretty(args)}${result === null ? '' : `\n\nresult ${pretty(result)}`}`}</pre>
      </Scroll>
    </details>
  );
}
