import { useEffect, useRef, useState } from 'preact/hooks';
import { usePage } from '../context.ts';
import { draw, type LaneView, laneAt, xOf } from '../lanes/draw.ts';
import { itemsIn, type LaneItem } from '../lanes/items.ts';
import { clock } from '../words.ts';
import { Choice } from './choice.tsx';
import { Panel } from './panel.tsx';

const WINDOWS = [5, 15, 60] as const;
const HEIGHT = 236;
const LANES = ['mqtt', 'osdp'] as const;
const CLOUD_ALONE = ['mqtt'] as const;
/** A frame this often; with less motion wanted, one a second. */
const FRAME_MS = 66;
const CALM_FRAME_MS = 1_000;
/** A packet that is so near to the pointer is meant. */
const NEAR = 12;

/** MQTT, and OSDP where there is a serial line, on one axis of time. */
export function Lanes() {
  const { store, colourOf } = usePage();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [seconds, setSeconds] = useState<number>(15);
  /** The time that the view is held at; null: it runs. */
  const [heldMs, setHeldMs] = useState<number | null>(null);
  const [chosen, setChosen] = useState<LaneItem | null>(null);
  const hasLine = store.watch(({ hub }) => hub.osdp !== false).value;
  const lanes = hasLine ? LANES : CLOUD_ALONE;
  const toMs = () => heldMs ?? store.nowMs();
  const viewOf = (element: HTMLCanvasElement): LaneView => {
    const to = toMs();
    return { width: element.clientWidth, height: HEIGHT, fromMs: to - seconds * 1_000, toMs: to, lanes };
  };

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return;
    const everyMs = matchMedia('(prefers-reduced-motion: reduce)').matches ? CALM_FRAME_MS : FRAME_MS;
    let drawnMs = Number.NEGATIVE_INFINITY;
    let frame = requestAnimationFrame(function run(nowMs) {
      frame = requestAnimationFrame(run);
      if (nowMs - drawnMs < everyMs) return;
      drawnMs = nowMs;
      const view = viewOf(element);
      if (view.width === 0) return;
      sharpen(element, context);
      const marks = store.state.stories.flatMap(({ steps }) => steps.filter(({ kind }) => kind === 'act'));
      const items = itemsIn(store.state, view.fromMs, view.toMs);
      // For a test, which cannot see what is drawn.
      element.dataset.items = String(items.length);
      draw(
        context,
        view,
        items,
        marks.filter(({ at }) => at >= view.fromMs),
        chosen,
        colourOf,
      );
    });
    return () => cancelAnimationFrame(frame);
  }, [seconds, heldMs, chosen, hasLine]);

  function near(event: PointerEvent): LaneItem | null {
    const element = event.currentTarget as HTMLCanvasElement;
    const view = viewOf(element);
    const lane = laneAt(view, event.offsetY);
    let best: LaneItem | null = null;
    for (const item of itemsIn(store.state, view.fromMs, view.toMs)) {
      const distance = Math.abs(xOf(view, item.at) - event.offsetX);
      if (item.lane === lane && distance < NEAR && (!best || distance < Math.abs(xOf(view, best.at) - event.offsetX))) best = item;
    }
    return best;
  }

  /** Steps from packet to packet, and holds the view so that they stay where they are. */
  function step(event: KeyboardEvent): void {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    event.preventDefault();
    const held = toMs();
    setHeldMs(held);
    const items = itemsIn(store.state, held - seconds * 1_000, held).sort((a, b) => a.at - b.at);
    const at = chosen ? items.findIndex((item) => item.at === chosen.at && item.title === chosen.title) : items.length;
    setChosen(items[Math.max(0, Math.min(items.length - 1, at + (event.key === 'ArrowRight' ? 1 : -1)))] ?? null);
  }

  return (
    <Panel
      title="Traffic"
      name="lanes"
      aside={
        <Choice label="Time that is shown">
          {WINDOWS.map((each) => (
            <button type="button" key={each} aria-pressed={seconds === each} onClick={() => setSeconds(each)}>
              {each} s
            </button>
          ))}
          <button type="button" aria-pressed={heldMs !== null} onClick={() => setHeldMs(heldMs === null ? store.nowMs() : null)}>
            hold
          </button>
        </Choice>
      }
    >
      <p class="lane-names small" aria-hidden="true">
        <span>MQTT: hub to cloud above, cloud to hub below</span>
        {hasLine && <span>OSDP: peripherals above, the hub’s requests below</span>}
      </p>
      <canvas
        ref={canvas}
        class="lane-canvas"
        height={HEIGHT}
        tabIndex={0}
        role="img"
        aria-label={`MQTT packets${hasLine ? ' and OSDP frames' : ''} on one axis of time. The arrow keys step from one to the next; the trace below has them as text.`}
        onPointerMove={(event) => setChosen(near(event))}
        onKeyDown={step}
      />
      <p class="readout" role="status">
        {chosen ? (
          <>
            <b>{clock(chosen.at)}</b> {chosen.title} <span class="small">{chosen.text}</span>
          </>
        ) : (
          <span class="small">Point at a packet, or step with the arrow keys.</span>
        )}
      </p>
    </Panel>
  );
}

/** Gives the canvas as many pixels as the screen has. */
function sharpen(element: HTMLCanvasElement, context: CanvasRenderingContext2D): void {
  const scale = devicePixelRatio;
  const [width, height] = [Math.round(element.clientWidth * scale), Math.round(HEIGHT * scale)];
  if (element.width !== width || element.height !== height) Object.assign(element, { width, height });
  context.setTransform(scale, 0, 0, scale, 0, 0);
}
