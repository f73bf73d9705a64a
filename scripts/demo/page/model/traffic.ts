import type { HarnessEvent, LogEvent, PacketEvent } from './events.ts';
import { KEPT, keep, type SecondView, type TraceRow, type ViewState } from './state.ts';

/** Lanes, plots and the trace. */
export function onTrafficEvent(state: ViewState, event: HarnessEvent): void {
  const { at } = event;
  const trace = (source: TraceRow['source'], level: TraceRow['level'], title: string, text: string): void => {
    state.traced += 1;
    keep(state.trace, { number: state.traced, at, source, level, title, text }, KEPT.trace);
  };
  switch (event.kind) {
    case 'packet': {
      const { direction, type, topic = '', bytes, text = '' } = event;
      onPacket(state, event, at);
      keep(state.packets, { at, up: direction === 'up', type, topic, bytes, text }, KEPT.packets);
      trace('mqtt', 'quiet', `${direction === 'up' ? '↑' : '↓'} ${type} ${topic}`.trimEnd(), text || `${bytes} bytes`);
      break;
    }
    case 'frame': {
      const { direction, address, name, text, sealed } = event;
      const up = direction === 'up';
      secondOf(state, at).frames += 1;
      keep(state.frames, { at, up, address, name, text, sealed }, KEPT.frames);
      trace('osdp', name === 'NAK' ? 'warn' : 'quiet', `${up ? '↑' : '↓'} ${address} ${name}`, sealed ? `${text} (sealed)`.trim() : text);
      break;
    }
    case 'polls':
      for (const [offsetMs, address, answerMs] of event.list) onPoll(state, at + offsetMs, address, answerMs);
      break;
    case 'log':
      trace('log', levelOf(event), event.event, event.text);
      break;
    case 'api':
      trace('api', (event.status ?? 500) < 400 ? 'info' : 'warn', `${event.method} ${event.call}`, `answered ${event.status ?? 'nothing'}`);
      break;
    case 'broker':
      trace('broker', event.what === 'connected' || event.what === 'started' ? 'info' : 'warn', event.what, event.reason);
      break;
    case 'agent':
      trace(
        'fault',
        event.state === 'ended' ? 'warn' : 'info',
        `agent ${event.state}`,
        `process ${event.pid}${event.code === undefined ? '' : `, ${event.code}`}`,
      );
      break;
    case 'fault':
      trace('fault', event.action === 'begin' ? 'warn' : 'info', event.title, '');
      break;
    default:
  }
}

function onPacket(state: ViewState, { direction, answeredMs }: PacketEvent, at: number): void {
  const second = secondOf(state, at);
  if (direction === 'up') second.up += 1;
  else second.down += 1;
  if (answeredMs === undefined || direction !== 'up') return;
  second.ackMs += answeredMs;
  second.acks += 1;
}

function onPoll(state: ViewState, at: number, address: number, answerMs: number | null): void {
  const second = secondOf(state, at);
  second.frames += answerMs === null ? 1 : 2;
  keep(state.frames, { at, up: false, address, name: 'POLL', text: '', sealed: false }, KEPT.frames);
  if (answerMs === null) return;
  second.answerMs += answerMs;
  second.answers += 1;
  keep(state.frames, { at: at + answerMs, up: true, address, name: 'ACK', text: '', sealed: false }, KEPT.frames);
}

/** The last time that a Date can hold (ECMA-262, 21.4.1.1): beyond 2^53 a second more is the same number. */
const LATEST_MS = 8.64e15;

/** The second of a time. What comes a little late is counted in its own second while that is one of the last. */
function secondOf(state: ViewState, at: number): SecondView {
  const second = Math.floor(Math.min(Math.max(at, 0), LATEST_MS) / 1_000);
  const last = state.seconds.at(-1);
  if (last && last.second >= second) return state.seconds.findLast((each) => each.second <= second) ?? last;
  const fresh = { second, up: 0, down: 0, frames: 0, answerMs: 0, answers: 0, ackMs: 0, acks: 0 };
  // Quiet seconds stand in the plots too.
  for (let missing = Math.max((last?.second ?? second) + 1, second - KEPT.seconds); missing < second; missing += 1) {
    keep(state.seconds, { ...fresh, second: missing }, KEPT.seconds);
  }
  keep(state.seconds, fresh, KEPT.seconds);
  return fresh;
}

function levelOf({ level }: LogEvent): TraceRow['level'] {
  if (level === 'error' || level === 'fatal') return 'error';
  return level === 'warn' ? 'warn' : 'info';
}
