import { useState } from 'preact/hooks';
import type { Player } from '../player.ts';
import { clock } from '../words.ts';
import { Choice } from './choice.tsx';

const SPEEDS = [1, 4, 20] as const;

/** Where a replay is, and how fast it goes. */
export function Playbar({ player, savedAt }: { player: Player; savedAt: number | null }) {
  const [speed, setSpeed] = useState<number>(4);
  const { fromMs, toMs } = player;
  const at = player.atMs.value;
  const playing = player.playing.value;
  return (
    <section class="playbar" aria-label="Replay">
      <button type="button" class="primary" onClick={() => (playing ? player.pause() : player.play(speed))}>
        {playing ? 'Pause' : 'Play'}
      </button>
      <input
        type="range"
        min={fromMs}
        max={toMs}
        step={100}
        value={at}
        aria-label="Place in the recording"
        aria-valuetext={clock(at)}
        onInput={({ currentTarget }) => {
          player.pause();
          player.seek(Number(currentTarget.value));
        }}
      />
      <output>{clock(at)}</output>
      <Choice label="Speed">
        {SPEEDS.map((each) => (
          <button
            type="button"
            key={each}
            aria-pressed={speed === each}
            onClick={() => {
              setSpeed(each);
              if (playing) player.play(each);
            }}
          >
            {each}×
          </button>
        ))}
      </Choice>
      <span class="small">
        a recorded run{savedAt === null ? '' : `, saved ${new Date(savedAt).toISOString().slice(0, 16).replace('T', ' ')}`}
      </span>
    </section>
  );
}
