import { join } from 'node:path';
import type { NodeMaintenance } from '../contract/maintenance.ts';
import { FLAPS_AFTER, type Node, type NodeDirectory } from '../contract/node.ts';
import { compareNodes } from '../contract/node-order.ts';
import type { BusTrace } from '../contract/trace.ts';
import { NODES_FILE } from '../state/layout.ts';
import type { Cancel, MonotonicClock } from '../system/clock.ts';
import { HubError, messageOf } from '../system/errors.ts';
import type { Files } from '../system/files.ts';
import type { Log } from '../system/log.ts';
import type { BusEvent, NodeBus } from './bus.ts';
import { createChanges, type NodeEvent } from './changes.ts';
import { createLosses } from './losses.ts';
import { createNodeMaintenance } from './maintenance.ts';
import { nodeIdOf } from './model.ts';
import { createMoves } from './moves.ts';
import { joinedFacts } from './osdp/node-facts.ts';
import { createReplacements, maybeSameDevice, replacedAt } from './replacement.ts';
import { createNodeStore, MAX_KNOWN_NODES } from './store.ts';

export interface NodeTableDeps {
  buses: readonly NodeBus[];
  files: Files;
  /** Where the known nodes are kept: `nodes.json`. */
  stateDirectory: string;
  clock: MonotonicClock;
  log: Log;
  /** Every change, at once. The listener must not throw. */
  onChange?: (event: NodeEvent) => void;
}

/** The live node table over all buses. */
export interface NodeTable extends NodeDirectory {
  /** Reads the known nodes, then starts the buses. */
  start(): Promise<void>;
  /** Stops the buses and writes what changed. */
  stop(): Promise<void>;
  /** Shows every frame of a bus; null when there is none of that id, or it has nothing to show. Returns the unsubscriber. */
  trace(bus: string, listener: (trace: BusTrace) => void): (() => void) | null;
  readonly maintenance: NodeMaintenance;
}

const FILE_NAME = NODES_FILE;
/** A change waits this long for company before it is written. */
const WRITE_DELAY_MS = 2_000;
/** A node that comes and goes causes no more writes to flash than one in this time. */
const WRITE_INTERVAL_MS = 60_000;

export function createNodeTable({ buses, files, stateDirectory, clock, log, onChange }: NodeTableDeps): NodeTable {
  const store = createNodeStore({ path: join(stateDirectory, FILE_NAME), files, log });
  /** By node id; a report of the bus replaces it, except for when the node was first seen. */
  const known = new Map<string, Node>();
  const changes = createChanges({ log, clock });
  const losses = createLosses(clock);
  const subscriptions: (() => void)[] = [];
  let cancelWrite: Cancel | null = null;
  let lastWriteMs = Number.NEGATIVE_INFINITY;
  let full = false;
  let writing: Promise<void> = Promise.resolve();

  /** The report of the bus, joined with what is stored. */
  const merge = (bus: NodeBus, live: Node): Node => {
    const remembered = known.get(live.nodeId);
    const firstSeen = remembered?.firstSeen ?? live.firstSeen;
    const refuses = bus.refusesIdentity?.(live.address) ?? false;
    // Reports of another device at this address do not apply to this one.
    const before = remembered && maybeSameDevice(remembered, live) && !refuses ? remembered : undefined;
    return {
      ...live,
      firstSeen,
      // After a restart the link is not assessed at once: the result from before stands until then.
      securityReason: live.securityReason ?? (live.security === null ? (remembered?.securityReason ?? null) : null),
      replaced: replacedAt(remembered, live, refuses),
      ...(before?.moved && { moved: before.moved }),
      vendor: live.vendor ?? before?.vendor ?? null,
      model: live.model ?? before?.model ?? null,
      serialNumber: live.serialNumber ?? before?.serialNumber ?? null,
      firmwareVersion: live.firmwareVersion ?? before?.firmwareVersion ?? null,
      capabilities: live.capabilities.length > 0 ? live.capabilities : (before?.capabilities ?? []),
      ...joinedFacts(live, before),
    };
  };

  const takeLive = (bus: NodeBus) => {
    for (const live of bus.nodes()) if (known.has(live.nodeId)) known.set(live.nodeId, merge(bus, live));
  };

  const takeOut = (node: Node) => {
    known.delete(node.nodeId);
    replacements.watch({ ...node, replaced: null });
    changes.forget(node.nodeId);
    losses.forget(node.nodeId);
  };

  /** Room for one more: the node that has been silent longest goes. Answers false when all of them are there. */
  const makeRoom = (): boolean => {
    let oldest: Node | null = null;
    for (const node of known.values()) {
      if (!node.available && (!oldest || (node.lastSeen ?? '') < (oldest.lastSeen ?? ''))) oldest = node;
    }
    if (!oldest) return false;
    takeOut(oldest);
    return true;
  };

  const write = () => {
    cancelWrite?.();
    cancelWrite = null;
    lastWriteMs = clock.nowMs();
    buses.forEach(takeLive);
    const nodes = [...known.values()];
    writing = writing
      .then(() => store.save(nodes))
      .catch((error: unknown) => {
        log.error(
          { event: 'nodes_not_saved', reason: messageOf(error) },
          'the known nodes could not be written; tried again with the next change',
        );
      });
    return writing;
  };

  const scheduleWrite = () => {
    if (cancelWrite) return;
    const delayMs = Math.max(WRITE_DELAY_MS, lastWriteMs + WRITE_INTERVAL_MS - clock.nowMs());
    cancelWrite = clock.schedule(delayMs, () => void write());
  };

  /** A node is known otherwise than before. */
  const tell = (before: Node | undefined, node: Node) => {
    known.set(node.nodeId, node);
    replacements.watch(node);
    for (const event of changes.take(before, node, moves.watch(before, node))) onChange?.({ event, node });
    scheduleWrite();
  };

  const vanish = (node: Node) => {
    known.delete(node.nodeId);
    changes.forget(node.nodeId);
    scheduleWrite();
  };

  const replacements = createReplacements({
    clock,
    onOld(nodeId) {
      const node = known.get(nodeId);
      if (node) tell(node, { ...node, replaced: null });
    },
  });

  /** The device of one node is the one of another now. */
  const move = (from: Node, to: Node) => {
    takeOut(from);
    buses.find(({ id }) => id === from.bus)?.maintenance?.forget(from.address);
    onChange?.({ event: 'node_left', node: from });
    const node = { ...to, firstSeen: from.firstSeen ?? to.firstSeen, moved: { from: from.nodeId, at: to.firstSeen } };
    known.set(node.nodeId, node);
    changes.tell('node_moved', node);
    onChange?.({ event: 'node_moved', node });
    scheduleWrite();
  };

  const moves = createMoves({
    clock,
    node: (nodeId) => known.get(nodeId),
    nodes: () => known.values(),
    isScanned: (bus) => buses.find(({ id }) => id === bus)?.scanComplete() ?? false,
    onMoved: move,
    onHeld(node, change) {
      changes.tell(change, node);
      onChange?.({ event: change, node });
    },
  });

  const onNode = (bus: NodeBus, live: Node) => {
    const before = known.get(live.nodeId);
    if (!before && known.size >= MAX_KNOWN_NODES && !makeRoom()) {
      if (!full)
        log.warn({ event: 'node_table_full', nodeId: live.nodeId, limit: MAX_KNOWN_NODES }, 'a node is left out: too many are known');
      full = true;
      return;
    }
    const node = merge(bus, live);
    // A garbled address that is quiet again, and of which nothing else was ever known.
    if (!node.available && node.firstSeen === null && node.problem === null) return vanish(node);
    tell(before, node);
    // With its port gone, a bus loses all of its nodes.
    if (!before?.available || node.available || bus.status().state !== 'up') return;
    if (losses.note(node.nodeId) >= FLAPS_AFTER) changes.tell('node_flaps', node);
  };

  const onGone = (bus: NodeBus, address: string) => {
    const node = known.get(nodeIdOf(bus.id, address));
    if (!node) return;
    takeOut(node);
    log.info({ event: 'node_left', nodeId: node.nodeId }, `${node.nodeId}: left`);
    onChange?.({ event: 'node_left', node });
    scheduleWrite();
  };

  /** Written at once: what was asked for on the hub must not come back after a power cut. */
  const drop = (node: Node): Promise<void> => {
    takeOut(node);
    log.info({ event: 'node_forgotten', nodeId: node.nodeId }, `${node.nodeId}: forgotten, as requested on the hub`);
    onChange?.({ event: 'node_forgotten', node });
    return write();
  };

  const onBusEvent = (bus: NodeBus, event: BusEvent) => {
    if (event.kind === 'node') onNode(bus, event.node);
    else if (event.kind === 'gone') onGone(bus, event.address);
    else if (event.kind === 'status') onChange?.({ event: 'bus_status', status: event.status });
    else onChange?.({ event: 'scan_complete', bus: bus.id });
  };

  const select = (id: string | undefined): readonly NodeBus[] => {
    const selected = id === undefined ? buses : buses.filter((bus) => bus.id === id);
    if (selected.length > 0 || id === undefined) return selected;
    const message = `there is no bus ${JSON.stringify(id)}; there are: ${buses.map((bus) => bus.id).join(', ') || 'none'}`;
    throw new HubError('invalid_args', message, { details: [{ field: 'bus', message }] });
  };

  const refresh = async (asked: readonly NodeBus[], signal: AbortSignal) => {
    const results = await Promise.allSettled(asked.map((bus) => bus.refresh(signal)));
    if (signal.aborted) throw new HubError('aborted', 'the scan was no longer wanted');
    const failed = results.filter((result) => result.status === 'rejected');
    if (failed.length > 0 && failed.length === results.length) throw failed[0]!.reason;
  };

  const nodesOf = (asked: readonly NodeBus[]) => {
    asked.forEach(takeLive);
    const ids = new Set(asked.map((bus) => bus.id));
    return [...known.values()].flatMap((node) => {
      const lossesLastHour = losses.of(node.nodeId);
      return ids.has(node.bus) ? [{ ...node, ...(lossesLastHour > 0 && { lossesLastHour }) }] : [];
    });
  };

  const complete = (asked: readonly NodeBus[]) => asked.every((bus) => bus.scanComplete());

  return {
    async start() {
      for (const node of await store.load()) {
        // Whether an address is still garbled is found out anew.
        if (node.problem === 'garbled' && node.firstSeen === null) continue;
        known.set(node.nodeId, { ...node, available: false, problem: null });
        changes.remember(node);
        replacements.watch(node);
      }
      for (const bus of buses) {
        subscriptions.push(bus.onEvent((event) => onBusEvent(bus, event)));
        bus.start();
      }
    },

    async stop() {
      await Promise.all(buses.map((bus) => bus.stop()));
      for (const unsubscribe of subscriptions.splice(0)) unsubscribe();
      replacements.stop();
      moves.stop();
      if (known.size > 0 || cancelWrite) await write();
      await writing;
    },

    async getNodes({ bus, refresh: wanted }, signal) {
      const asked = select(bus);
      if (wanted) await refresh(asked, signal);
      const nodes = nodesOf(asked).sort(compareNodes);
      const available = nodes.filter((node) => node.available).length;
      return { nodes, total: nodes.length, available, scanComplete: complete(asked), buses: asked.map((each) => each.status()) };
    },

    buses: () => buses.map((bus) => bus.status()),

    maintenance: createNodeMaintenance({ buses, node: (nodeId) => known.get(nodeId), drop }),

    trace: (id, listener) => buses.find((bus) => bus.id === id)?.onTrace?.(listener) ?? null,

    summary() {
      const nodes = nodesOf(buses);
      return { total: nodes.length, available: nodes.filter((node) => node.available).length, scanComplete: complete(buses) };
    },
  };
}
