import type { WifiChangeResult, WifiCredentials } from '../../contract/wifi.ts';
import { HubError, isHubError } from '../../system/errors.ts';
import type { Log } from '../../system/log.ts';
import { isNetworkManagerError } from '../networkmanager/network-manager.ts';
import { CHANGE_START, type ChangeEffect, type ChangeEvent, type ChangeState, nextStep } from './change.ts';
import type { ChangeDeps } from './change-deps.ts';
import { createChangeSteps } from './change-steps.ts';
import { checkCredentials } from './plan.ts';

/**
 * Runs one change: the driver of the machine in `change.ts`. Resolves when the hub is on the new network for good, rejects when it is back
 * on one that works. @throws HubError
 */
export async function runWifiChange(deps: ChangeDeps, credentials: WifiCredentials, signal: AbortSignal): Promise<WifiChangeResult> {
  checkCredentials(credentials);
  const { clock, log } = deps;
  const startedAt = clock.nowMs();

  return new Promise((resolve, reject) => {
    let state: ChangeState = CHANGE_START.state;
    let running = new AbortController();
    /** A step starts when the one before has ended: NetworkManager does not answer in the order it is asked. */
    let ended: Promise<unknown> = Promise.resolve();

    const steps = createChangeSteps(deps, credentials, { dispatch, armDeadline });
    let cancelDeadline = () => {};
    function armDeadline(): void {
      cancelDeadline = clock.schedule(deps.attemptTimeoutMs, () => dispatch({ type: 'deadline' }));
    }

    function dispatch(event: ChangeEvent): void {
      const step = nextStep(state, event);
      if (!step) return;
      log.info({ event: 'wifi_change', from: state.name, on: event.type, to: step.state.name, ...codeOf(event) }, 'Wi-Fi change');
      state = step.state;
      running.abort();
      perform(step.effect);
    }

    function perform(effect: ChangeEffect): void {
      if (effect === 'finish') return void finish();
      const mine = new AbortController();
      running = mine;
      const deliver = (event: ChangeEvent) => {
        if (!mine.signal.aborted) dispatch(event);
      };
      const entered = state;
      ended = ended
        .then(() => {
          if (mine.signal.aborted) return null;
          // The caller has given up: the hub is on its old network, the cloud need not be waited for.
          if (effect === 'await_cloud' && signal.aborted) return { type: 'returned', connected: true } as const;
          return steps.run(effect, entered, mine.signal);
        })
        .then(
          (event) => event && deliver(event),
          (error) => deliver(failureOf(effect, error, log)),
        );
    }

    const onAbort = () => dispatch({ type: 'aborted', error: reasonOf(signal) });

    async function finish(): Promise<void> {
      cancelDeadline();
      signal.removeEventListener('abort', onAbort);
      await steps.end(state.name === 'done');
      if (state.name === 'failed') reject(state.error);
      else resolve(steps.result(Math.round(clock.nowMs() - startedAt)));
    }

    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else perform(CHANGE_START.effect);
  });
}

/** How a failed step counts: NetworkManager gone, no answer (it may have taken effect), or refused. */
function failureOf(effect: ChangeEffect, error: unknown, log: Log): ChangeEvent {
  if (isNetworkManagerError(error)) {
    // Settling has waited for NetworkManager as long as is any use.
    if (error.problem === 'not_running' && effect !== 'settle') return { type: 'manager_lost', error };
    return { type: error.problem === 'no_reply' ? 'unanswered' : 'refused', error };
  }
  if (isHubError(error)) return { type: 'refused', error };
  // Only the kind and the place: a stranger's message may hold what was sent.
  const stack = error instanceof Error ? error.stack?.split('\n').filter((line) => line.trimStart().startsWith('at ')) : undefined;
  log.error(
    { event: 'wifi_change_bug', kind: error instanceof Error ? error.name : typeof error, stack },
    'A step of the Wi-Fi change broke',
  );
  return { type: 'unanswered', error: new HubError('internal', 'A step of the Wi-Fi change broke; the log has the place.') };
}

function codeOf(event: ChangeEvent): { code?: string } {
  return 'error' in event ? { code: event.error.code } : {};
}

function reasonOf(signal: AbortSignal): HubError {
  return isHubError(signal.reason) ? signal.reason : new HubError('aborted', 'The change was cancelled.');
}
