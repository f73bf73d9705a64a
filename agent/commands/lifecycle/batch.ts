import { step } from './lifecycle.ts';
import type { CommandsEffect, Step } from './machine.ts';

/**
 * How a list of effects is carried out, as pure functions: what a driver does, and an exploration of every interleaving does the same. One
 * effect is carried out after the other; when a record cannot be written, the machine decides what becomes of the rest.
 *
 *   for (let effect = next(batch); effect; effect = next(batch)) batch = done(batch, await perform(effect), nowMs());
 */

/** The effect that is to be carried out now; null when all are done. */
export function next(batch: Step): CommandsEffect | null {
  return batch.effects[0] ?? null;
}

/**
 * The rest, after the present effect was carried out. `ok`: false when its record could not be written, `reason` why and where. `at`: epoch
 * milliseconds.
 */
export function done({ state, effects }: Step, ok: boolean, at: number, reason: string | null = null): Step {
  const [effect, ...rest] = effects;
  if (ok || effect?.type !== 'persist') return { state, effects: rest };
  const isOwn = (later: CommandsEffect) => 'id' in later && later.id === effect.id;
  const failed = step(state, { type: 'persistFailed', id: effect.id, at, reason, pending: rest.filter(isOwn) });
  return { state: failed.state, effects: [...failed.effects, ...rest.filter((later) => !isOwn(later))] };
}
