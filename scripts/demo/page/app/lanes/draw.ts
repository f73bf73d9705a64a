import type { LaneItem } from './items.ts';

/** Where things are on the canvas, in CSS pixels. */
export interface LaneView {
  width: number;
  height: number;
  fromMs: number;
  toMs: number;
  /** From top to bottom. */
  lanes: readonly LaneItem['lane'][];
}

/** An event that concerns both lanes. */
export interface Mark {
  at: number;
  text: string;
}

const AXIS = 18;
const FONT_SIZE = '11px';
const LABEL_ROOM = 6;
const TICKS_MS = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
const TICK_ROOM = 72;

export const xOf = ({ width, fromMs, toMs }: LaneView, at: number): number => ((at - fromMs) / (toMs - fromMs)) * width;

/** Middle line and half height of a lane. */
function laneOf({ height, lanes }: LaneView, lane: LaneItem['lane']): { middle: number; half: number } {
  const each = (height - AXIS) / lanes.length;
  return { middle: each * (lanes.indexOf(lane) + 0.5), half: each / 2 - 4 };
}

/** The lane at a height. */
export function laneAt({ height, lanes }: LaneView, y: number): LaneItem['lane'] {
  const index = Math.floor((y / (height - AXIS)) * lanes.length);
  return lanes[Math.max(0, Math.min(lanes.length - 1, index))]!;
}

/** Draws the lanes on one axis. `colour` reads a custom property of the style sheet. */
export function draw(
  context: CanvasRenderingContext2D,
  view: LaneView,
  items: readonly LaneItem[],
  marks: readonly Mark[],
  chosen: LaneItem | null,
  colour: (name: string) => string,
): void {
  const { width, height } = view;
  context.clearRect(0, 0, width, height);
  context.font = `${FONT_SIZE} ${getComputedStyle(context.canvas).fontFamily}`;
  drawAxis(context, view, colour);
  for (const lane of view.lanes) {
    const { middle } = laneOf(view, lane);
    context.fillStyle = colour('--line-strong');
    context.fillRect(0, middle, width, 1);
    drawItems(
      context,
      view,
      items.filter((item) => item.lane === lane),
      chosen,
      colour,
    );
  }
  drawMarks(context, view, marks, colour);
}

function drawAxis(context: CanvasRenderingContext2D, view: LaneView, colour: (name: string) => string): void {
  const { width, height, fromMs, toMs } = view;
  const step = TICKS_MS.find((each) => xOf(view, fromMs + each) >= TICK_ROOM) ?? 60_000;
  context.textBaseline = 'alphabetic';
  for (let at = Math.ceil(fromMs / step) * step; at <= toMs; at += step) {
    const x = Math.round(xOf(view, at));
    context.fillStyle = colour('--line');
    context.fillRect(x, 0, 1, height - AXIS);
    context.fillStyle = colour('--text-quiet');
    const text = new Date(at).toTimeString().slice(0, 8);
    if (x + context.measureText(text).width < width) context.fillText(text, x, height - 5);
  }
}

function drawItems(
  context: CanvasRenderingContext2D,
  view: LaneView,
  items: readonly LaneItem[],
  chosen: LaneItem | null,
  colour: (name: string) => string,
): void {
  const free = { up: Number.NEGATIVE_INFINITY, down: Number.NEGATIVE_INFINITY };
  for (const item of items) {
    const { middle, half } = laneOf(view, item.lane);
    const x = xOf(view, item.at);
    const length = half * item.height;
    context.fillStyle = colour(item.colour);
    const isChosen = chosen !== null && item.at === chosen.at && item.title === chosen.title;
    const thick = isChosen ? 4 : 1.6;
    context.fillRect(x - thick / 2, item.up ? middle - length : middle + 1, thick, length);
    const side = item.up ? 'up' : 'down';
    if (item.label === '' || x < free[side]) continue;
    context.textBaseline = item.up ? 'top' : 'bottom';
    const text = item.label.length > 26 ? `${item.label.slice(0, 25)}…` : item.label;
    context.fillStyle = colour('--text');
    context.fillText(text, x + 3, item.up ? middle - half : middle + half);
    free[side] = x + context.measureText(text).width + LABEL_ROOM;
  }
}

function drawMarks(context: CanvasRenderingContext2D, view: LaneView, marks: readonly Mark[], colour: (name: string) => string): void {
  /** From here on there is text of a later mark. */
  let taken = view.width;
  for (const { at, text } of marks.toReversed()) {
    const x = Math.round(xOf(view, at));
    context.fillStyle = colour('--bad');
    for (let y = 0; y < view.height - AXIS; y += 6) context.fillRect(x, y, 1.5, 3);
    context.textBaseline = 'bottom';
    const { width } = context.measureText(text);
    const left = Math.max(2, Math.min(x + 4, view.width - width - 4));
    if (left + width + LABEL_ROOM > taken) continue;
    taken = left;
    context.fillStyle = colour('--panel');
    context.fillRect(left - 2, view.height - AXIS - 15, width + 4, 14);
    context.fillStyle = colour('--bad');
    context.fillText(text, left, view.height - AXIS - 2);
  }
}
