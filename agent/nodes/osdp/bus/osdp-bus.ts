import type { BusState, BusStatus } from '../../../contract/node.ts';
import { sleep } from '../../../system/clock.ts';
import { HubError, isHubError } from '../../../system/errors.ts';
import { within } from '../../../system/timeout.ts';
import type { BusEvent, NodeBus } from '../../bus.ts';
import type { Frame } from '../codec/frame.ts';
import { createKeyRing } from '../keys/key-ring.ts';
import { NO_KEY_STORE } from '../keys/key-store.ts';
import { createMaintenance } from '../operations/maintenance.ts';
import { createOperationQueue } from '../operations/queue.ts';
import { createLine, type Line } from '../port/line.ts';
import type { PortProblem } from '../port/port.ts';
import { createPortKeeper } from '../port/port-keeper.ts';
import { createClashWatch } from './clash-watch.ts';
import { BAUD_RATES, checkAddresses, type OsdpBusOptions } from './options.ts';
import { createPdSessions, type PdSessions } from './pd-sessions.ts';
import { createRefreshQueue } from './refresh-queue.ts';
import { createScanner } from './scan.ts';
import { DEFAULT_TIMINGS, type OsdpTimings } from './timings.ts';
import { createLineTrace } from './trace.ts';

/** A port that does not close is left to itself after this. */
const STOP_LIMIT_MS = 2_000;
/** Other ways of asking that are tried at each rate: the other check, and a POLL with either. */
const WAYS_PER_RATE = 3;
/** Unconfigured addresses that are named in the log, at most. */
const MAX_UNEXPECTED = 8;

/** An OSDP line behind a serial port, with this side as its control panel. @throws HubError `config_invalid` for bad addresses. */
export function createOsdpBus(options: OsdpBusOptions): NodeBus {
  const { id, path, clock, log } = options;
  checkAddresses(id, options.addresses);
  const timings: OsdpTimings = {
    ...DEFAULT_TIMINGS,
    ...(options.replyTimeoutMs !== undefined && { fullWaitMs: options.replyTimeoutMs }),
    ...options.timings,
  };
  const addresses = options.addresses.toSorted((a, b) => a - b);
  const rates = options.baudRate === 'auto' ? BAUD_RATES : [options.baudRate];
  const automatic = rates.length > 1;

  const listeners = new Set<(event: BusEvent) => void>();
  const unexpected = new Set<number>();
  const late = new Set<number>();
  let state: BusState = 'stopped';
  let problem: PortProblem | null = null;
  let scanned = false;
  let rateIndex = 0;
  let stopping: AbortController | null = null;
  let running: Promise<void> = Promise.resolve();

  const emit = (event: BusEvent) => {
    for (const listener of listeners) listener(event);
  };

  const status = (): BusStatus => ({
    id,
    protocol: 'osdp',
    state,
    ...(problem &&
      state === 'unavailable' && { error: { code: 'bus_unavailable' as const, message: problem.message, reason: problem.reason } }),
  });

  const unusable = () =>
    state === 'unavailable' || state === 'stopped' ? new HubError('bus_unavailable', problem?.message ?? `bus ${id} is stopped`) : null;

  const setState = (next: BusState, why: PortProblem | null) => {
    if (state === next && problem?.message === why?.message) return;
    state = next;
    problem = why;
    if (why) log.warn({ event: 'bus_unavailable', reason: why.reason }, why.message);
    else if (next === 'up') log.info({ event: 'bus_up', path }, 'serial port open');
    emit({ kind: 'status', status: status() });
  };

  const ring = createKeyRing({
    ...options,
    configured: options.keys,
    store: options.keyStore ?? NO_KEY_STORE,
    onChange: (address) => addresses.includes(address) && sessions.keysChanged(address),
  });
  const sessions: PdSessions = createPdSessions({
    ...options,
    bus: id,
    addresses,
    keysOf: ring.candidates,
    onOpened: ring.opened,
    timings,
    onFacts: (address) => emit({ kind: 'node', node: sessions.node(address) }),
  });
  const refreshes = createRefreshQueue(() => rates.length);
  const operations = createOperationQueue(() => refreshes.wake());
  const scanner = createScanner({
    sessions,
    timings,
    nowMs: () => clock.nowMs(),
    onUnexpected: (address) => {
      if (unexpected.has(address) || unexpected.size >= MAX_UNEXPECTED) return;
      unexpected.add(address);
      log.warn({ event: 'osdp_unexpected_address', address }, 'a peripheral answers at an address that is not configured');
    },
    onLate(address) {
      const level = late.has(address) ? 'debug' : 'warn';
      late.add(address);
      const limitMs = timings.fullWaitMs;
      log[level]({ event: 'osdp_late_answer', address, limitMs }, 'a peripheral answers too late: raise replyTimeoutMs of the bus');
    },
  });
  const clashes = createClashWatch({
    clock,
    onSurplus: (address, found) => addresses.includes(address) && sessions.surplus(address, found),
  });
  const keeper = createPortKeeper({ ...options, timings });
  const trace = createLineTrace({ bus: id, wallClock: options.wallClock });

  const anyAvailable = () => addresses.some((address) => sessions.pd(address).facts.available);

  /**
   * In how many other ways a pass asks silent addresses: none in the first one, which is the quick one. While the rate is looked for there is no
   * time in the background, and a line may have only PDs that need another way.
   */
  const otherWays = (wanted: boolean) => {
    if (!scanned) return 0;
    return automatic && !anyAvailable() ? WAYS_PER_RATE : wanted ? 1 : 0;
  };

  /** One full pass. Answers whether the line is still up. */
  const pass = async (line: Line) => {
    const startedMs = clock.nowMs();
    const waiting = refreshes.take();
    const complete = await scanner.pass(line, otherWays(waiting.length > 0));
    const lastRate = rateIndex === rates.length - 1;
    if (complete && !scanned && (anyAvailable() || lastRate)) {
      scanned = true;
      const found = addresses.filter((address) => sessions.pd(address).facts.available).length;
      const durationMs = Math.round(clock.nowMs() - startedMs);
      log.info({ event: 'scan_complete', found, durationMs, windowMs: Math.round(scanner.windowMs()) }, 'first scan pass complete');
      emit({ kind: 'scan_complete' });
    }
    const settled = complete && (await scanner.settle(line));
    // With the rate still unknown, only silence at every rate is an answer.
    if (!settled) refreshes.giveBack(waiting);
    else if (anyAvailable()) refreshes.resolve(waiting, rates.length);
    else refreshes.resolve(waiting, 1);
    return settled;
  };

  /** Works on an open line until it goes down or its baud rate shows to be wrong. */
  const serve = async (line: Line, signal: AbortSignal): Promise<'down' | 'wrong_rate'> => {
    let answeredMs = clock.nowMs();
    // After the port came back, known PDs are asked first: a pass takes long.
    if (anyAvailable() && !(await scanner.pollCycle(line))) return 'down';
    if (!(await pass(line))) return 'down';
    if (automatic && !anyAvailable()) return 'wrong_rate';
    while (!signal.aborted) {
      const cycleMs = clock.nowMs();
      if (!(refreshes.waiting() ? await pass(line) : await scanner.pollCycle(line))) return 'down';
      if (anyAvailable()) answeredMs = clock.nowMs();
      else if (automatic && clock.nowMs() - answeredMs >= timings.baudRetryMs) return 'wrong_rate';
      if (operations.waiting()) await operations.runOne(line);
      else await refreshes.pause(clock, timings.pollCycleMs - (clock.nowMs() - cycleMs), signal);
    }
    return 'down';
  };

  /** Opens the port and works on it until it goes away. */
  const session = async (signal: AbortSignal) => {
    const baudRate = rates[rateIndex]!;
    let line: Line | null = null;
    const link = await keeper.open(baudRate, signal, {
      onData: (bytes) => line?.receive(bytes),
      onDown: (why) => {
        setState('unavailable', why);
        line?.fail();
      },
      onWaiting: (why) => {
        setState('unavailable', why);
        sessions.linkDown();
        refreshes.reject(why.message);
        operations.reject(why.message);
      },
    });
    if (!link) return;
    const abort = () => line?.fail();
    signal.addEventListener('abort', abort, { once: true });
    try {
      if (link.isDown()) return;
      const onStray = (frame: Frame) => {
        trace.stray(frame);
        clashes.stray(frame.address);
        scanner.onStray(frame);
      };
      line = clashes.watch(trace.watch(createLine({ baudRate, clock, timings, port: link, onStray })));
      setState('up', null);
      if ((await serve(line, signal)) === 'down') return;
      rateIndex = (rateIndex + 1) % rates.length;
      if (scanned) await refreshes.pause(clock, timings.pollCycleMs, signal);
    } finally {
      signal.removeEventListener('abort', abort);
      sessions.linkDown();
      await link.close();
    }
  };

  /** Without the stored keys the bus would ask secured PDs in clear. */
  const keysRead = async (): Promise<boolean> => {
    try {
      await ring.load();
      return true;
    } catch (error) {
      if (!isHubError(error, 'storage_failed')) throw error;
      setState('unavailable', { reason: 'failed', message: error.message });
      return false;
    }
  };

  const run = async (signal: AbortSignal) => {
    let ready = false;
    while (!signal.aborted) {
      try {
        ready ||= await keysRead();
        if (!ready) {
          await sleep(clock, timings.reopenMaxMs, signal);
          continue;
        }
        await session(signal);
      } catch (error) {
        // A bug must not stop the bus for good.
        log.error({ event: 'bus_failed', err: error }, 'the bus failed by a bug and begins anew');
        setState('unavailable', { reason: 'failed', message: `bus ${id} failed by an internal error` });
        await sleep(clock, timings.reopenMaxMs, signal);
      }
    }
  };

  return {
    id,
    protocol: 'osdp',

    start() {
      if (stopping) return;
      stopping = new AbortController();
      setState('starting', null);
      running = run(stopping.signal);
    },

    async stop() {
      if (!stopping) return;
      stopping.abort();
      await within(clock, STOP_LIMIT_MS, running, () => {});
      stopping = null;
      refreshes.reject(`bus ${id} was stopped`);
      operations.reject(`bus ${id} was stopped`);
      setState('stopped', null);
    },

    status,
    nodes: () => sessions.nodes(),
    refusesIdentity: (address) => sessions.refusesIdentity(Number(address)),
    scanComplete: () => scanned,

    refresh(signal) {
      const closed = unusable();
      return closed ? Promise.reject(closed) : refreshes.add(signal);
    },

    maintenance: createMaintenance({
      ...options,
      bus: id,
      sessions,
      timings,
      operations,
      ring,
      unusable,
      baudRate: () => rates[rateIndex]!,
    }),

    onTrace: trace.onTrace,

    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
