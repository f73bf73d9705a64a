import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { applyEvent } from '../../../../scripts/demo/page/model/apply.ts';
import type { EventBody, HarnessEvent } from '../../../../scripts/demo/page/model/events.ts';
import { emptyState, type ViewState } from '../../../../scripts/demo/page/model/state.ts';
import { createRecorder, type Recorded } from '../../../../scripts/demo/page/recorder.ts';
import { packRecording, unpackRecording } from '../../../../scripts/demo/page/recording.ts';
import { createRandom } from '../../../support/random.ts';

/** Events of every kind that a state counts, at random. */
function bodies(seed: number, count: number): EventBody[] {
  const random = createRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.unit() * list.length)]!;
  return Array.from({ length: count }, (_, index): EventBody => {
    switch (pick(['packet', 'polls', 'log', 'fault', 'shadow', 'frame'] as const)) {
      case 'packet':
        return { kind: 'packet', direction: pick(['up', 'down']), type: 'publish', bytes: index, topic: 'a/b', text: '{}' };
      case 'polls':
        return {
          kind: 'polls',
          list: [
            [0, 1, 2.5],
            [20, 5, null],
          ],
        };
      case 'log':
        return {
          kind: 'log',
          level: pick(['info', 'warn']),
          event: pick(['cloud_online', 'cloud_down', 'bus_up']),
          text: `line ${index}`,
          fields: {},
        };
      case 'fault':
        return { kind: 'fault', id: pick(['serial', 'kill']), action: pick(['begin', 'end']), title: 'done' };
      case 'shadow':
        return {
          kind: 'shadow',
          version: index,
          desired: { command: pick(['a', 'b']) },
          reported: { online: random.chance(0.5), session: 's' },
        };
      default:
        return { kind: 'frame', direction: 'up', address: 5, name: 'NAK', bytes: 9, text: '', sealed: false };
    }
  });
}

function shown({ base, lines }: Recorded): ViewState {
  const state = structuredClone(base);
  for (const line of lines) applyEvent(state, JSON.parse(line) as HarnessEvent);
  return state;
}

describe('a page that opens late, a replay, and one that was there from the start show the same', () => {
  test.each([1, 2, 3, 4, 5])('seed %i', async (seed) => {
    let now = 1_795_300_000_000;
    const recorder = createRecorder({ nowMs: () => now, maxEvents: 150, maxCharacters: 20_000 });
    const whole = emptyState();
    recorder.follow((line) => applyEvent(whole, JSON.parse(line) as HarnessEvent));
    for (const body of bodies(seed, 1_000)) {
      now += 37;
      recorder.record(body);
    }
    const late = recorder.recorded();
    expect(late.lines.length).toBeLessThanOrEqual(150);
    expect(late.lines.join('').length).toBeLessThanOrEqual(20_000);
    expect(shown(late)).toEqual(whole);
    const file = await packRecording(late, now);
    expect(shown(unpackRecording(file))).toEqual(whole);
  });
});

test('one who follows gets every line once, without a gap', () => {
  const recorder = createRecorder({ nowMs: () => 1 });
  recorder.record({ kind: 'wifi', network: 'a' });
  const lines: string[] = [];
  const { recorded, end } = recorder.follow((line) => lines.push(line));
  recorder.record({ kind: 'wifi', network: 'b' });
  end();
  recorder.record({ kind: 'wifi', network: 'c' });
  expect([...recorded.lines, ...lines].map((line) => (JSON.parse(line) as { network: string }).network)).toEqual(['a', 'b']);
});

describe('a file that is no recording is refused, with the place', () => {
  const head = JSON.stringify({ format: 'hub-agent-run', version: 1, savedAt: 0, events: 1 });
  const base = JSON.stringify(emptyState());
  const packed = (...lines: string[]) => gzipSync(lines.join('\n'));
  test.each<[string, Buffer, string]>([
    ['no gzip', Buffer.from('hello'), 'not gzip'],
    ['a cut file', packed(head, base).subarray(0, 60), 'not gzip, or was cut'],
    ['no head', packed('{}', base), 'line 1'],
    ['nothing', packed(''), 'line 1'],
    ['a later format', packed(head.replace('"version":1', '"version":2'), base), 'version 2'],
    ['a time of saving that is none', packed(head.replace('"savedAt":0', '"savedAt":1e300'), base), 'savedAt'],
    ['no state', packed(head, '[]'), 'line 2'],
    ['a state with an entry that is none', packed(head, base.replace('"stories":[]', '"stories":[null]')), '"stories"'],
    ['a state with a wrong list', packed(head, base.replace('"trace":[]', '"trace":{}')), '"trace"'],
    ['an event that is none', packed(head, base, '{"at":1,"kind":"wifi","network":null}', '{"at":"x"}'), 'line 4'],
    ['an event that cannot be shown', packed(head, base, '{"at":1,"kind":"polls","list":7}'), 'line 3'],
    [
      'a fault with a name of JavaScript',
      packed(head, base, '{"at":1,"kind":"fault","id":"constructor","action":"begin","title":"x"}', '{"at":1}'),
      'line 4',
    ],
    ['a time that no clock has', packed(head, base, '{"at":1e300,"kind":"wifi","network":null}'), 'line 3'],
    ['a bomb', gzipSync(Buffer.alloc(100 * 1024 * 1024)), 'unpacks to more'],
  ])('%s', (_, file, said) => {
    expect(() => unpackRecording(file)).toThrow(said);
  });

  test('kinds that are not known are passed over', () => {
    expect(shown(unpackRecording(packed(head, base, '{"at":5,"kind":"of_tomorrow"}')))).toEqual({ ...emptyState(), now: 5 });
  });
});
