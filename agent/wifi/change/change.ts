import { HubError } from '../../system/errors.ts';

/**
 * The Wi-Fi change as a pure machine.
 *
 *     surveying → checkpointing → adding → activating → connecting → proving → saving → committing → done
 *          │            │            │          └──────────┴────────────┴─────────┤         │
 *          │            └────────────┴──→ abandoning                        rolling_back    │
 *          │                               │     └────── (NetworkManager is gone) ──┴──→ settling
 *        failed ←──────────────────────────┘                                               ↓
 *          └───────────────────────────────────────────────────────────────────────── returning → done
 *
 * Until `activating` the link was not touched, so the way back does not touch it either (`abandoning`): a rollback drops the link. From then
 * on the way back is the checkpoint's (`rolling_back`), and where no checkpoint is left, what `settling` finds.
 */
export type ChangeState =
  | { name: 'surveying' }
  | { name: 'checkpointing' }
  | { name: 'adding' }
  | { name: 'activating' }
  | { name: 'connecting' }
  | { name: 'proving' }
  | { name: 'saving' }
  | { name: 'committing' }
  | { name: 'abandoning'; error: HubError }
  | { name: 'rolling_back'; error: HubError }
  /** `proven`: the new network carried a proof, so it may stay if it was saved. */
  | { name: 'settling'; error: HubError; proven: boolean }
  /** Waiting for the network the hub ended on, and for the cloud; `error` null: the new one, kept over a restart of NetworkManager. */
  | { name: 'returning'; error: HubError | null }
  | { name: 'done' }
  | { name: 'failed'; error: HubError };

/** What happens to a change. Only the running effect reports its own end; `link_failed`, `manager_lost`, `deadline`, `aborted` come any time. */
export type ChangeEvent =
  | { type: 'surveyed' }
  | { type: 'checkpointed' }
  | { type: 'profile_added' }
  | { type: 'activation_started' }
  | { type: 'link_up' }
  | { type: 'proved' }
  | { type: 'saved' }
  | { type: 'committed' }
  /** The running step was refused; it did nothing. */
  | { type: 'refused'; error: HubError }
  /** The running step got no answer: it may have taken effect. */
  | { type: 'unanswered'; error: HubError }
  | { type: 'link_failed'; error: HubError }
  /** NetworkManager left: checkpoint and activation are gone with it. */
  | { type: 'manager_lost'; error: HubError }
  /** The attempt took too long. */
  | { type: 'deadline' }
  | { type: 'aborted'; error: HubError }
  /** The way back was gone. */
  | { type: 'restored' }
  /** What was left is in order; `kept`: the new network stays. */
  | { type: 'settled'; kept: boolean }
  /** The wait for the network and the cloud ended. `connected`: the Wi-Fi is on the network that the hub was to end on. */
  | { type: 'returned'; connected: boolean };

/** What the driver does on entering a state. At most one runs at a time; entering another state cancels it. */
export type ChangeEffect =
  | 'survey'
  | 'create_checkpoint'
  | 'add_profile'
  | 'activate'
  | 'await_link'
  | 'prove'
  | 'save'
  | 'commit'
  | 'abandon'
  | 'roll_back'
  | 'settle'
  | 'await_cloud'
  | 'finish';

export interface ChangeStep {
  state: ChangeState;
  effect: ChangeEffect;
}

/** Where a change begins. */
export const CHANGE_START: ChangeStep = { state: { name: 'surveying' }, effect: 'survey' };

const fail = (error: HubError): ChangeStep => ({ state: { name: 'failed', error }, effect: 'finish' });
const abandon = (error: HubError): ChangeStep => ({ state: { name: 'abandoning', error }, effect: 'abandon' });
const rollBack = (error: HubError): ChangeStep => ({ state: { name: 'rolling_back', error }, effect: 'roll_back' });
const settle = (error: HubError, proven = false): ChangeStep => ({ state: { name: 'settling', error, proven }, effect: 'settle' });
const goBack = (error: HubError | null): ChangeStep => ({ state: { name: 'returning', error }, effect: 'await_cloud' });
const finish = (error: HubError | null): ChangeStep => (error ? fail(error) : { state: { name: 'done' }, effect: 'finish' });

const managerLost = () =>
  new HubError('wifi_rolled_back', 'NetworkManager restarted during the change; the new network was given up. Try again.');
const tooLong = (what: string) =>
  new HubError('timeout', `${what} took longer than the time allowed for a change (wifi.attemptTimeoutSeconds).`);
const noCloud = () =>
  new HubError(
    'wifi_cloud_unreachable',
    'The network was joined, but the cloud did not answer over it in time. Check its way to the internet.',
  );

/** The answer says so when the Wi-Fi is on neither network; `error` null: the new one was kept. */
const notConnected = (error: HubError | null) =>
  error
    ? new HubError(error.code, `${error.message} The Wi-Fi is not back on the network from before yet.`, { details: error.details })
    : new HubError('wifi_rolled_back', 'The new network was saved, but NetworkManager restarted and the hub did not come back to it.');

/** The next state and what to do there, or null: the event means nothing in this state. */
export function nextStep(state: ChangeState, event: ChangeEvent): ChangeStep | null {
  switch (state.name) {
    case 'surveying':
      switch (event.type) {
        case 'surveyed':
          return { state: { name: 'checkpointing' }, effect: 'create_checkpoint' };
        case 'refused':
        case 'unanswered':
        case 'manager_lost':
        case 'aborted':
          return fail(event.error);
        case 'deadline':
          return fail(tooLong('Looking for the network'));
        default:
          return null;
      }
    case 'checkpointing':
      if (event.type === 'checkpointed') return { state: { name: 'adding' }, effect: 'add_profile' };
      return beforeActivation(event);
    case 'adding':
      if (event.type === 'profile_added') return { state: { name: 'activating' }, effect: 'activate' };
      return beforeActivation(event);
    case 'activating':
      if (event.type === 'activation_started') return { state: { name: 'connecting' }, effect: 'await_link' };
      if (event.type === 'refused') return abandon(event.error);
      return onTheWay(event, () => tooLong('Joining the network'));
    case 'connecting':
      if (event.type === 'link_up') return { state: { name: 'proving' }, effect: 'prove' };
      return onTheWay(event, () => tooLong('Joining the network'));
    case 'proving':
      if (event.type === 'proved') return { state: { name: 'saving' }, effect: 'save' };
      return onTheWay(event, noCloud);
    case 'saving':
      switch (event.type) {
        case 'saved':
          return { state: { name: 'committing' }, effect: 'commit' };
        case 'refused':
        case 'unanswered':
        case 'link_failed':
          return rollBack(event.error);
        case 'manager_lost':
          return settle(managerLost(), true);
        default:
          // Between the attempt's deadline and the checkpoint's there is time to finish: a cut here would only add doubt.
          return null;
      }
    case 'committing':
      switch (event.type) {
        case 'committed':
          return finish(null);
        case 'refused':
        case 'unanswered':
          return settle(
            new HubError('wifi_rolled_back', 'NetworkManager had gone back to the old network before the new one could be kept.'),
            true,
          );
        case 'manager_lost':
          return settle(managerLost(), true);
        default:
          return null;
      }
    case 'abandoning':
      switch (event.type) {
        case 'restored':
          return fail(state.error);
        case 'refused':
        case 'unanswered':
        case 'manager_lost':
          return settle(state.error);
        default:
          return null;
      }
    case 'rolling_back':
      switch (event.type) {
        case 'restored':
          return goBack(state.error);
        case 'refused':
        case 'unanswered':
        case 'manager_lost':
          return settle(state.error);
        default:
          return null;
      }
    case 'settling':
      switch (event.type) {
        case 'settled':
          return goBack(event.kept ? null : state.error);
        case 'refused':
        case 'unanswered':
          return goBack(state.error);
        default:
          return null;
      }
    case 'returning':
      if (event.type === 'returned') return finish(event.connected ? state.error : notConnected(state.error));
      return event.type === 'aborted' ? finish(state.error) : null;
    case 'done':
    case 'failed':
      return null;
  }
}

/** The link was not touched yet: a checkpoint may stand and a profile lie in memory. */
function beforeActivation(event: ChangeEvent): ChangeStep | null {
  switch (event.type) {
    case 'refused':
    case 'unanswered':
    case 'aborted':
      return abandon(event.error);
    case 'manager_lost':
      return settle(managerLost());
    case 'deadline':
      return abandon(tooLong('Preparing the change'));
    default:
      return null;
  }
}

/** The link was, or may have been, taken from the old network. */
function onTheWay(event: ChangeEvent, late: () => HubError): ChangeStep | null {
  switch (event.type) {
    case 'refused':
    case 'unanswered':
    case 'link_failed':
    case 'aborted':
      return rollBack(event.error);
    case 'manager_lost':
      return settle(managerLost());
    case 'deadline':
      return rollBack(late());
    default:
      return null;
  }
}
