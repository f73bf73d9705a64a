import type { BusFailure } from '../../../contract/node.ts';
import type { ZigbeeNetwork } from '../../../contract/zigbee.ts';
import type { Cancel } from '../../../system/clock.ts';
import { HubError } from '../../../system/errors.ts';
import { within } from '../../../system/timeout.ts';
import type { NodeBus } from '../../bus.ts';
import { createReadingsStore } from '../devices/readings-store.ts';
import { type Effect, type Event, type State, step } from '../machine/machine.ts';
import { pauseMs } from '../machine/pause.ts';
import { ProcessFailure, type ZigbeeProcess } from '../process/process.ts';
import type { Stranger } from '../state/backup.ts';
import type { Permit } from '../state/decision.ts';
import { zigbeePlaces } from '../state/places.ts';
import { createVault } from '../state/vault.ts';
import { createAnnouncer } from './announcer.ts';
import { createDeviceTable } from './device-table.ts';
import { forgettingRefusal } from './forgetting.ts';
import { createJoining } from './joining.ts';
import { createKeeper } from './keeper.ts';
import { createListening } from './listening.ts';
import { createNetwork } from './network.ts';
import { recordLoss } from './network-lost.ts';
import { createNotices } from './notices.ts';
import { LIMITS, type ZigbeeBusOptions } from './options.ts';
import { createPlugWatch } from './plug-watch.ts';
import { problemOf } from './problems.ts';
import { createRetries } from './retries.ts';
import { createSession, type Prepared, type Seen } from './session.ts';
import { busStatus, problemIn } from './status.ts';
import { createTracing } from './tracing.ts';
import { createWatch } from './watch.ts';

const STOP_MS = 2_000;

/** A Zigbee network behind a stick, on zigbee-herdsman in a process of its own. */
export function createZigbeeBus(options: ZigbeeBusOptions): NodeBus & { network: ZigbeeNetwork } {
  const { id, path, adapter, clock, wallClock, entropy, files, log } = options;
  const places = zigbeePlaces(options.stateDirectory, id);
  const vault = createVault({ files, places });
  const session = createSession(options, vault, places);
  const joining = createJoining(id, clock);
  const notices = createNotices();
  const retries = createRetries({ clock, log });
  const { emit, onEvent, status: tellStatus } = createAnnouncer({ path, log });

  let state: State = { phase: 'stopped' };
  let library: ZigbeeProcess | null = null;
  let prepared: Prepared | null = null;
  /** Null: the disk was not read yet. */
  let seen: Seen | null = null;
  /** Of the process that is at work: what an earlier one still answers is not heard. */
  let turn = 0;
  let firmware: string | null = null;
  let coordinator: string | null = null;
  let starts = 0;
  let loaded: Promise<void> | null = null;
  let wasUp = false;
  let cancelWait: Cancel = () => {};
  let onStopped: () => void = () => {};

  const ask = (address: string) => void library?.request({ do: 'ping', address }, LIMITS.ping).catch(() => {});
  const devices = createDeviceTable({
    bus: id,
    store: createReadingsStore({ path: places.reports, files, log }),
    ask,
    onNode: (node) => emit({ kind: 'node', node }),
    onGone: (address) => emit({ kind: 'gone', address }),
    clock,
    wallClock,
    log,
  });
  const onStrangers = (strangers: readonly Stranger[]) => {
    notices.strangers(strangers.map(({ address }) => address));
    devices.strangers(strangers);
  };
  const keeper = createKeeper({ bus: id, vault, process: () => library, clock, wallClock, log, onStrangers });

  const failed = (reason: BusFailure, message: string) => take({ kind: 'failed', problem: { reason, message }, atMs: clock.nowMs() });
  const tracing = createTracing({ bus: id, library: () => library, wallClock });
  const watch = createWatch({
    adapter,
    clock,
    library: () => (state.phase === 'up' ? library : null),
    onFailed(reason, message) {
      if (reason === 'reset') notices.wasReset();
      failed(reason, message);
    },
  });
  const onLost = (message: string) => failed('lost', `${path}: ${message}`);
  const listen = createListening({ bus: id, devices, joining, keeper, log, onLost, onFrame: tracing.onFrame });

  const plug = createPlugWatch({
    clock,
    identity: () => options.portIdentity(path),
    isAtWork: () => library !== null && state.phase !== 'ending',
    isWaiting: () => state.phase === 'waiting',
    onGone: () => onLost('the stick went away'),
    onPlugged: () => take({ kind: 'plugged' }),
  });

  const status = () => busStatus(id, state);

  function take(event: Event): void {
    const next = step(state, event);
    const before = state;
    state = next.state;
    if (before.phase === 'up' && state.phase !== 'up') linkDown();
    for (const effect of next.effects) carryOut(effect);
    tellStatus(status(), devices.addresses().length);
    if (state.phase === 'stopped') onStopped();
  }

  function linkDown(): void {
    watch.stop();
    // What was learnt since the start: devices joined, and a network that was being formed is formed.
    seen = { record: keeper.record() ?? seen?.record ?? null, devices: devices.addresses().length };
    keeper.pause();
    joining.closed();
    devices.linkDown();
  }

  function carryOut(effect: Effect): void {
    switch (effect.do) {
      case 'decide':
        void look(effect.permit);
        break;
      case 'launch':
        void launch();
        break;
      case 'end':
        if (library) library.end(LIMITS.end);
        else take({ kind: 'exited', atMs: clock.nowMs() });
        break;
      case 'wait': {
        const forMs = pauseMs(effect.problem.reason, effect.failures, entropy.unit());
        retries.failed(effect.problem, forMs);
        cancelWait = clock.schedule(forMs, () => take({ kind: 'waited' }));
        break;
      }
      case 'cancel_wait':
        cancelWait();
        break;
      case 'settle':
        settle();
        break;
      case 'network_lost':
        networkLost();
    }
  }

  function spawn(): ZigbeeProcess {
    starts += 1;
    const own = options.processes.spawn({
      onEvent: (event) => library === own && listen(event),
      onExit(detail) {
        if (library !== own) return;
        library = null;
        if (state.phase !== 'ending') log.warn({ event: 'zigbee_process_ended', detail }, 'the process of the Zigbee library ended');
        take({ kind: 'exited', atMs: clock.nowMs() });
      },
    });
    return own;
  }

  async function look(permit: Permit): Promise<void> {
    turn += 1;
    const own = turn;
    retries.begun();
    try {
      loaded ??= devices.load();
      await loaded;
      await plug.attempt();
      // It is told also while the stick or the library is missing.
      seen ??= await session.recall();
      const missing = await options.portProblem(path);
      if (own !== turn || state.phase !== 'deciding') return;
      if (missing) return take({ kind: 'refused', problem: missing });
      library = spawn();
      const outcome = await session.prepare(library, permit);
      if (own !== turn) return;
      seen = outcome.seen;
      if (!outcome.ok) return take({ kind: 'refused', problem: outcome.problem });
      prepared = outcome.prepared;
      // A network that is formed has no devices; those of the one that was given up are gone.
      if (prepared.decision.expects === 'formed') devices.clear();
      notices.prepared(prepared, options.channel);
      take({ kind: 'decided', expects: prepared.decision.expects });
    } catch (error) {
      await notStarted(error, own);
    }
  }

  /** What a process failed at may be that the stick is gone. */
  async function notStarted(error: unknown, own: number): Promise<void> {
    const missing = error instanceof ProcessFailure ? await options.portProblem(path).catch(() => null) : null;
    if (own === turn) take({ kind: 'failed', problem: missing ?? problemOf(error, places.folder), atMs: clock.nowMs() });
  }

  async function launch(): Promise<void> {
    const own = turn;
    try {
      const started = await session.launch(library!, prepared!);
      if (own !== turn) return;
      ({ firmware, coordinator } = started);
      take({ kind: 'started', result: started.result, atMs: clock.nowMs() });
    } catch (error) {
      await notStarted(error, own);
    }
  }

  function settle(): void {
    const { record } = prepared!;
    wasUp = true;
    retries.reset();
    options.onNetworkLost(false);
    keeper.settle({ ...record, stage: 'formed', coordinator: coordinator ?? record.coordinator, stick: path });
    devices.linkUp();
    tracing.linkUp();
    emit({ kind: 'scan_complete' });
    watch.start();
  }

  function networkLost(): void {
    options.onNetworkLost(true);
    seen = { devices: seen?.devices ?? 0, record: recordLoss(prepared!.record, { vault, log }) };
  }

  const network = createNetwork({
    options,
    keeper,
    joining,
    devices,
    notices,
    library: () => (state.phase === 'up' ? library : null),
    facts: () => ({
      status: status(),
      firmware,
      pid: library?.pid ?? null,
      starts,
      record: keeper.record() ?? seen?.record ?? null,
      retry: retries.state(),
      devices: seen?.devices ?? 0,
    }),
    ask: (permit) => {
      if (status().state === 'stopped') throw new HubError('bus_unavailable', `bus ${id} is stopped`);
      take({ kind: 'asked', permit });
    },
  });

  return {
    id,
    protocol: 'zigbee',
    network,

    start() {
      plug.start();
      take({ kind: 'start' });
    },

    async stop() {
      plug.stop();
      retries.reset();
      if (state.phase === 'stopped') return;
      const ended = new Promise<void>((resolve) => {
        onStopped = resolve;
      });
      take({ kind: 'stop' });
      await within(clock, STOP_MS, ended, () => {});
      await devices.stop();
      await keeper.idle();
    },

    status,
    nodes: () => devices.nodes(),
    scanComplete: () => wasUp,

    async refresh() {
      // Sleeping devices are not asked: what they reported is what there is.
      if (state.phase !== 'up')
        throw new HubError('bus_unavailable', problemIn(state)?.message ?? `the Zigbee network of ${id} is not up yet`);
    },

    cannotForget: (address) =>
      forgettingRefusal(id, address, { isPaired: devices.isPaired(address), isStranger: devices.stranger(address) !== null, wasUp }),

    onTrace: tracing.onTrace,

    onEvent,
  };
}
