import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { TraceRow, TraceSource } from '../../model/state.ts';
import { usePage } from '../context.ts';
import { clock, pretty } from '../words.ts';
import { Choice } from './choice.tsx';
import { Panel } from './panel.tsx';
import { Scroll } from './scroll.tsx';

const SOURCES: readonly [TraceSource, string][] = [
  ['log', 'agent’s log'],
  ['fault', 'faults'],
  ['api', 'API'],
  ['broker', 'broker'],
  ['mqtt', 'MQTT'],
  ['osdp', 'OSDP'],
];
/** Height of a row, as in the style sheet. */
const ROW = 24;
/** Rows that are drawn above and below what is seen. */
const MARGIN = 10;

/** Everything that happened, in order: the agent's log, and what else is asked for. Only the rows that are seen exist. */
export function Trace() {
  const { store } = usePage();
  const hasLine = store.watch(({ hub }) => hub.osdp !== false).value;
  const traced = store.watch((state) => state.traced).value;
  const [shown, setShown] = useState<ReadonlySet<TraceSource>>(new Set(['log', 'fault', 'api', 'broker']));
  const [words, setWords] = useState('');
  const [following, setFollowing] = useState(true);
  const [top, setTop] = useState(0);
  const [chosen, setChosen] = useState<number | null>(null);
  const box = useRef<HTMLElement>(null);
  const [height, setHeight] = useState(300);

  const rows = useMemo(() => filtered(store.state.trace, shown, words), [traced, shown, words, store.state]);
  const first = Math.max(0, Math.floor(top / ROW) - MARGIN);
  const seen = rows.slice(first, Math.ceil((top + height) / ROW) + MARGIN);
  const detail = chosen === null ? null : rows.find(({ number }) => number === chosen);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const watcher = new ResizeObserver(() => setHeight(element.clientHeight));
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);
  useEffect(() => {
    if (following && box.current) box.current.scrollTop = rows.length * ROW;
  }, [rows, following, height]);

  function onScroll({ currentTarget }: { currentTarget: HTMLElement }): void {
    setTop(currentTarget.scrollTop);
    setFollowing(currentTarget.scrollTop + currentTarget.clientHeight >= currentTarget.scrollHeight - ROW);
  }
  /** The arrow keys choose a line, and keep it in sight. */
  function step(event: KeyboardEvent): void {
    if ((event.key !== 'ArrowUp' && event.key !== 'ArrowDown') || rows.length === 0 || !box.current) return;
    event.preventDefault();
    const now = chosen === null ? -1 : rows.findIndex(({ number }) => number === chosen);
    const from = now === -1 ? Math.min(rows.length, Math.ceil((top + height) / ROW)) : now;
    const next = Math.max(0, Math.min(rows.length - 1, from + (event.key === 'ArrowUp' ? -1 : 1)));
    setChosen(rows[next]!.number);
    const { scrollTop } = box.current;
    if (next * ROW < scrollTop) box.current.scrollTop = next * ROW;
    else if ((next + 1) * ROW > scrollTop + height) box.current.scrollTop = (next + 1) * ROW - height;
  }
  const toggle = (source: TraceSource): void =>
    setShown((before) => (before.has(source) ? new Set([...before].filter((each) => each !== source)) : new Set([...before, source])));

  return (
    <Panel title="Log and trace" name="trace" aside={<span class="count">{`${rows.length} lines${following ? '' : ', held'}`}</span>}>
      <Choice label="What is shown">
        {SOURCES.filter(([source]) => hasLine || source !== 'osdp').map(([source, name]) => (
          <button type="button" key={source} aria-pressed={shown.has(source)} onClick={() => toggle(source)}>
            {name}
          </button>
        ))}
        <input
          type="search"
          placeholder="filter"
          aria-label="Filter by text"
          value={words}
          onInput={({ currentTarget }) => setWords(currentTarget.value)}
        />
      </Choice>
      <Scroll box={box} name="rows" label="Lines; the arrow keys choose one" onScroll={onScroll} onKeyDown={step}>
        <div class="rows-space" style={{ height: `${rows.length * ROW}px` }}>
          {seen.map((row, index) => (
            <Row
              key={row.number}
              row={row}
              top={(first + index) * ROW}
              chosen={row.number === chosen}
              onChoose={() => setChosen(row.number === chosen ? null : row.number)}
            />
          ))}
        </div>
      </Scroll>
      {detail && (
        <Scroll name="detail" label="The chosen line">
          <pre role="status">{`${clock(detail.at)} ${detail.title}\n${pretty(detail.text)}`}</pre>
        </Scroll>
      )}
    </Panel>
  );
}

function Row({
  row: { at, source, level, title, text },
  top,
  chosen,
  onChoose,
}: {
  row: TraceRow;
  top: number;
  chosen: boolean;
  onChoose(): void;
}) {
  return (
    <button
      type="button"
      class={`row ${level} ${source}`}
      style={{ top: `${top}px` }}
      aria-pressed={chosen}
      tabIndex={-1}
      onClick={onChoose}
    >
      <span class="row-time">{clock(at)}</span>
      <span class="row-title">{title}</span>
      <span class="row-text">{text}</span>
    </button>
  );
}

function filtered(trace: readonly TraceRow[], shown: ReadonlySet<TraceSource>, words: string): TraceRow[] {
  const wanted = words.trim().toLowerCase();
  return trace.filter(
    ({ source, title, text }) =>
      shown.has(source) && (wanted === '' || title.toLowerCase().includes(wanted) || text.toLowerCase().includes(wanted)),
  );
}
