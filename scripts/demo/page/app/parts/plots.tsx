import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { SecondView } from '../../model/state.ts';
import { usePage } from '../context.ts';
import { Panel } from './panel.tsx';

interface PlotSpec {
  title: string;
  unit: string;
  colour: string;
  /** It is about the serial line. */
  osdp?: boolean;
  value(second: SecondView): number | null;
}

const PLOTS: readonly PlotSpec[] = [
  { title: 'OSDP frames a second', unit: '', colour: '--plot-a', osdp: true, value: ({ frames }) => frames },
  {
    title: 'Answer of a peripheral',
    unit: ' ms',
    colour: '--plot-b',
    osdp: true,
    value: ({ answerMs, answers }) => (answers > 0 ? answerMs / answers : null),
  },
  { title: 'MQTT packets a second', unit: '', colour: '--plot-c', value: ({ up, down }) => up + down },
  { title: 'Acknowledgement of the hub', unit: ' ms', colour: '--plot-d', value: ({ ackMs, acks }) => (acks > 0 ? ackMs / acks : null) },
];
const HEIGHT = 96;
/** Of the last minutes. */
const SECONDS = 180;

/** Small plots where a plot says more than a number. */
export function Plots() {
  const { store } = usePage();
  const hasLine = store.watch(({ hub }) => hub.osdp !== false).value;
  return (
    <Panel title="Rates and times" name="plots" aside={<span class="count">last 3 min</span>}>
      <div class="plot-grid">
        {PLOTS.filter(({ osdp }) => hasLine || !osdp).map((plot) => (
          <Plot key={plot.title} plot={plot} />
        ))}
      </div>
    </Panel>
  );
}

function Plot({ plot }: { plot: PlotSpec }) {
  const { store, colourOf } = usePage();
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const second = store.watch(({ seconds }) => seconds.at(-1)?.second ?? 0).value;
  // The second that still runs is not whole.
  const rows = store.state.seconds.slice(-SECONDS - 1, -1);
  const values = rows.map(plot.value);
  const last = values.findLast((value) => value !== null);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const made = new uPlot(optionsOf(plot, element, colourOf), [[], []], element);
    chart.current = made;
    const watcher = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      made.destroy();
    };
  }, [plot]);

  useEffect(() => {
    chart.current?.setData([rows.map((row) => row.second), values]);
  }, [second]);

  const said = last == null ? 'no value yet' : `${last.toFixed(last < 10 ? 1 : 0)}${plot.unit}`;
  return (
    <figure>
      <figcaption>
        <span class="name">{plot.title}</span> <b>{said}</b>
      </figcaption>
      <div ref={box} class="plot" role="img" aria-label={`${plot.title}, last 3 minutes; now ${said}`} />
    </figure>
  );
}

/** Thousands as k: the room beside a plot is for four characters. */
const shortNumber = (value: number): string => (value >= 1_000 ? `${value / 1_000}k` : String(value));

function optionsOf({ colour }: PlotSpec, element: HTMLElement, colourOf: (name: string) => string): uPlot.Options {
  const css = (name: string) => () => colourOf(name);
  const quiet = {
    stroke: css('--text-quiet'),
    grid: { stroke: css('--line'), width: 1 },
    ticks: { show: false },
    font: '10px system-ui, sans-serif',
  };
  return {
    width: Math.max(80, element.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    select: { show: false, left: 0, top: 0, width: 0, height: 0 },
    padding: [6, 4, 0, 0],
    scales: { y: { range: (_, __, max) => [0, Math.max(1, (max ?? 1) * 1.15)] } },
    axes: [
      { ...quiet, size: 18, space: 60 },
      { ...quiet, size: 34, space: 26, values: (_, ticks) => ticks.map(shortNumber) },
    ],
    series: [{}, { stroke: css(colour), width: 1.5, spanGaps: true, points: { show: false } }],
  };
}
