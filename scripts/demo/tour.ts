import type { Screen } from './screen.ts';

/** What became of one step of the tour. */
export interface StepReport {
  name: string;
  ok: boolean;
  detail: string;
  ms: number;
}

/** Runs steps one after the other and stops at the first that did not happen, or when the end was asked for. */
export interface Tour {
  readonly steps: readonly StepReport[];
  /** At least one step, every one of them happened, and none was cut. */
  readonly ok: boolean;
  /** The step that did not happen. */
  readonly failed: StepReport | null;
  step(name: string, run: () => Promise<string>): Promise<void>;
}

/** `end`: a step that it cuts is neither good nor a failure; nothing is printed of it. */
export function createTour(screen: Screen, end: AbortSignal): Tour {
  const steps: StepReport[] = [];
  const failed = () => steps.find(({ ok }) => !ok) ?? null;
  const cut = new Promise<'cut'>((resolve) => end.addEventListener('abort', () => resolve('cut'), { once: true }));
  return {
    steps,
    get ok() {
      return steps.length > 0 && failed() === null && !end.aborted;
    },
    get failed() {
      return failed();
    },
    async step(name, run) {
      if (failed() || end.aborted) return;
      const startedAt = performance.now();
      const outcome = run().then(
        (detail) => ({ ok: true, detail }),
        (error: unknown) => ({ ok: false, detail: error instanceof Error ? error.message : String(error) }),
      );
      const done = await Promise.race([outcome, cut]);
      if (done === 'cut' || end.aborted) return;
      const ms = Math.round(performance.now() - startedAt);
      steps.push({ name, ...done, ms });
      screen.step(done.ok, name, `${done.detail} (${ms} ms)`);
    },
  };
}
