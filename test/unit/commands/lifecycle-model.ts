import { hash } from 'node:crypto';
import {
  type Candidate,
  type CommandsEffect,
  type CommandsEvent,
  type CommandsState,
  type Entry,
  recover,
  restore,
  step,
} from '../../../agent/commands/lifecycle.ts';
import type { CommandOutcome } from '../../../agent/contract/command.ts';

/**
 * The command machine together with a model of the Shadow service, a network that loses, repeats, delays and reorders, a link that falls, and
 * a process that dies between any two effects. `explore` walks through every interleaving.
 */
export interface ModelOptions {
  /** The commands the cloud sends, in this order; a later one may overwrite an earlier one in `desired`. */
  commands: { id: string; kind: 'repeatable' | 'once' | 'refused' }[];
  crashes: number;
  reconnects: number;
  /** Lost or late answers, repeated deltas. */
  faults: number;
  /** Whether the journal's disk may be full for one write. */
  diskFull: number;
}

export interface Exploration {
  states: number;
  /** States in which nothing can happen any more without a new fault: there every command must be answered. */
  quiescent: number;
}

type ToCloud =
  | { t: 'read'; stale: boolean }
  | { t: 'clear'; id: string; version: number; last: Last | null; stale: boolean }
  | { t: 'report'; last: Last; stale: boolean };
type ToHub = { t: 'event'; event: CommandsEvent } | { t: 'reported'; id: string; version: number } | { t: 'reportFailed'; id: string };

interface Last {
  id: string;
  done: boolean;
}

interface World {
  sent: number;
  version: number;
  desired: string | null;
  last: Last | null;
  hub: CommandsState;
  journal: Record<string, Entry>;
  effects: CommandsEffect[];
  toCloud: ToCloud[];
  toHub: ToHub[];
  running: string[];
  runs: Record<string, number>;
  answered: string[];
  known: string[];
  left: { crashes: number; reconnects: number; faults: number; diskFull: number };
}

const DONE: CommandOutcome = { status: 'SUCCEEDED', result: {} };
const REFUSED: CommandOutcome = { status: 'REJECTED', error: { code: 'unknown_command', message: '' } };

/** States are remembered by 96 bits of a hash: a collision among ten million states has a chance of 10⁻¹⁵. */
const keyOf = (text: string) => hash('sha1', text, 'base64').slice(0, 16);

/** Walks through all reachable states. @throws Error with the trace that leads to a broken promise. */
export function explore(options: ModelOptions, maxStates = 20_000_000): Exploration {
  const start: World = {
    sent: 0,
    version: 1,
    desired: null,
    last: null,
    hub: restore([]),
    journal: {},
    effects: [],
    toCloud: [],
    toHub: [],
    running: [],
    runs: {},
    answered: [],
    known: [],
    left: { crashes: options.crashes, reconnects: options.reconnects, faults: options.faults, diskFull: options.diskFull },
  };
  feed(start, { type: 'linkUp' });
  runOn(start);
  const seen = new Set<string>();
  const stack: { text: string; trace: Trace | null }[] = [{ text: JSON.stringify(start), trace: null }];
  seen.add(keyOf(stack[0]!.text));
  let quiescent = 0;
  while (stack.length > 0) {
    const { text, trace } = stack.pop()!;
    const steps = successors(text, options);
    const fair = steps.filter(({ fault }) => !fault);
    if (fair.length === 0) {
      quiescent += 1;
      checkQuiescent(JSON.parse(text) as World, trace);
    }
    for (const { name, world } of steps) {
      const next = { name, before: trace };
      checkAlways(world, options, next);
      const text = JSON.stringify(world);
      const key = keyOf(text);
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size > maxStates) throw new Error(`more than ${maxStates} states`);
      stack.push({ text, trace: next });
    }
  }
  return { states: seen.size, quiescent };
}

interface Trace {
  name: string;
  before: Trace | null;
}

function fail(what: string, trace: Trace | null, world: World): never {
  const names: string[] = [];
  for (let at = trace; at; at = at.before) names.unshift(at.name);
  throw new Error(`${what}\n  ${names.join('\n  ')}\n${JSON.stringify(world, null, 1)}`);
}

function checkAlways(world: World, options: ModelOptions, trace: Trace): void {
  for (const { id, kind } of options.commands) {
    const runs = world.runs[id] ?? 0;
    const most = kind === 'once' ? 1 : kind === 'refused' ? 0 : 1 + options.crashes;
    if (runs > most) fail(`${id} ran ${runs} times`, trace, world);
  }
}

function checkQuiescent(world: World, trace: Trace | null): void {
  if (world.desired !== null) fail('a command still stands in desired', trace, world);
  for (const id of world.known) if (!world.answered.includes(id)) fail(`${id} was seen and never answered`, trace, world);
  if (world.last && !world.last.done) fail('the shadow shows a command as running for ever', trace, world);
}

interface Successor {
  name: string;
  world: World;
  /** Needs bad luck: it must not be needed for progress. */
  fault: boolean;
}

/** Every single thing that can happen next. */
function successors(text: string, options: ModelOptions): Successor[] {
  const found: Successor[] = [];
  const branch = (name: string, fault: boolean, change: (world: World) => void) => {
    const world = JSON.parse(text) as World;
    change(world);
    runOn(world);
    found.push({ name, world: canonical(world), fault });
  };
  const now = JSON.parse(text) as World;

  if (now.effects.length > 0) {
    branch(label(now.effects[0]!), false, (world) => persist(world, false));
    if (now.left.diskFull > 0) {
      branch('disk full', true, (world) => {
        world.left.diskFull -= 1;
        persist(world, true);
      });
    }
  } else {
    for (let index = 0; index < now.toHub.length; index += 1) {
      const name = label(now.toHub[index]!);
      branch(`hub receives ${name}`, false, (world) => {
        const [message] = world.toHub.splice(index, 1);
        receive(world, message!);
      });
      if (now.left.faults > 0 && name.includes('delta')) {
        branch(`repeated ${name}`, true, (world) => {
          world.left.faults -= 1;
          receive(world, world.toHub[index]!);
        });
        branch(`lost ${name}`, true, (world) => {
          world.left.faults -= 1;
          world.toHub.splice(index, 1);
        });
      }
    }
    for (const id of now.running) {
      branch(`done ${id}`, false, (world) => {
        world.running = world.running.filter((other) => other !== id);
        feed(world, { type: 'executed', id, outcome: DONE, at: 0 });
      });
    }
  }
  for (let index = 0; index < now.toCloud.length; index += 1) {
    const message = now.toCloud[index]!;
    branch(`cloud takes ${label(message)}`, false, (world) => {
      const [taken] = world.toCloud.splice(index, 1);
      cloudTakes(world, taken!, options, false);
    });
    if (now.left.faults > 0 && !message.stale) {
      branch(`answer lost ${label(message)}`, true, (world) => {
        world.left.faults -= 1;
        const [taken] = world.toCloud.splice(index, 1);
        cloudTakes(world, taken!, options, true);
      });
      branch(`timed out but under way ${label(message)}`, true, (world) => {
        world.left.faults -= 1;
        timeOut(world, world.toCloud[index]!);
        world.toCloud[index]!.stale = true;
      });
    }
    if (message.stale) branch(`lost ${label(message)}`, false, (world) => void world.toCloud.splice(index, 1));
  }
  if (now.sent < options.commands.length) {
    branch(`cloud sends ${options.commands[now.sent]!.id}`, false, (world) => {
      world.desired = options.commands[world.sent]!.id;
      world.sent += 1;
      world.version += 1;
      delta(world, options);
    });
  }
  if (now.left.reconnects > 0 && now.effects.length === 0) {
    branch('link falls and comes back', true, (world) => {
      world.left.reconnects -= 1;
      cutLink(world);
      feed(world, { type: 'linkDown' });
      world.effects.push(...advance(world, { type: 'linkUp' }));
    });
  }
  if (now.left.crashes > 0) {
    branch('crash', true, (world) => {
      world.left.crashes -= 1;
      cutLink(world);
      // What was seen but not yet journaled and then overwritten in the cloud leaves no trace anywhere.
      world.known = world.known.filter((id) => world.journal[id] || world.answered.includes(id));
      world.running = [];
      const recovered = recover(restore(Object.values(world.journal)), 0);
      world.hub = recovered.state;
      world.effects = [...recovered.effects];
      world.effects.push(...advance(world, { type: 'linkUp' }));
    });
  }
  if (now.desired !== null && now.hub.link === 'up' && !found.some(({ fault }) => !fault)) {
    // A lost delta comes again with the next accepted update, at the latest with the hub's own heartbeat.
    branch('heartbeat', false, (world) => {
      world.version += 1;
      delta(world, options);
    });
  }
  return found;
}

function label(message: CommandsEffect | ToHub | ToCloud): string {
  if ('type' in message) return `${message.type} ${'id' in message ? message.id : ''}`;
  if (message.t === 'event') {
    const { event } = message;
    const candidate = 'candidate' in event ? (event.candidate?.id ?? 'nothing') : '';
    return `${event.type} v${'version' in event ? event.version : ''} ${candidate}`;
  }
  if (message.t === 'clear') return `clear ${message.id} at v${message.version}`;
  return message.t;
}

function advance(world: World, event: CommandsEvent): CommandsEffect[] {
  const next = step(world.hub, event);
  world.hub = next.state;
  for (const entry of next.state.entries) if (!world.known.includes(entry.id)) world.known.push(entry.id);
  for (const id of Object.keys(world.journal)) if (!next.state.entries.some((entry) => entry.id === id)) delete world.journal[id];
  return next.effects;
}

/**
 * Effects up to the next write happen at once: a process that dies just before one of them is no different from one that dies just after
 * it with the message lost, and that is explored.
 */
function runOn(world: World): void {
  while (world.effects.length > 0 && world.effects[0]!.type !== 'persist') perform(world);
}

/**
 * One world for all that behave alike: what is under way has no order of its own, a delta that is too old says nothing, one stale copy of a
 * message stands for all, and of versions only the order and the step of one count.
 */
function canonical(world: World): World {
  const { viewVersion } = world.hub;
  world.toHub = world.toHub.filter(
    ({ ...message }) => !(message.t === 'event' && message.event.type === 'delta' && message.event.version < viewVersion),
  );
  const versions: number[] = [];
  eachVersion(world, (version) => {
    versions.push(version);
    return version;
  });
  versions.sort((a, b) => a - b);
  const ranks = new Map<number, number>();
  let before = versions[0]!;
  let rank = 0;
  for (const version of versions) {
    rank += Math.min(version - before, 2);
    before = version;
    ranks.set(version, rank);
  }
  eachVersion(world, (version) => ranks.get(version)!);
  world.toHub = sorted(world.toHub);
  world.toCloud = sorted(world.toCloud).filter(
    (message, index, all) => !message.stale || index === 0 || JSON.stringify(all[index - 1]) !== JSON.stringify(message),
  );
  world.known.sort();
  world.answered.sort();
  world.running.sort();
  world.journal = Object.fromEntries(Object.entries(world.journal).sort(([a], [b]) => (a < b ? -1 : 1)));
  world.runs = Object.fromEntries(Object.entries(world.runs).sort(([a], [b]) => (a < b ? -1 : 1)));
  return world;
}

function sorted<T>(items: T[]): T[] {
  return items
    .map((item) => ({ item, text: JSON.stringify(item) }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ item }) => item);
}

/** Replaces every shadow version in the world. */
function eachVersion(world: World, change: (version: number) => number): void {
  world.version = change(world.version);
  const { reading } = world.hub;
  world.hub = { ...world.hub, viewVersion: change(world.hub.viewVersion), reading: reading === null ? null : change(reading) };
  for (const message of world.toCloud) if (message.t === 'clear') message.version = change(message.version);
  for (const message of world.toHub) {
    if (message.t === 'reported') message.version = change(message.version);
    else if (message.t === 'event' && 'version' in message.event) message.event.version = change(message.event.version);
  }
  for (const effect of world.effects) if (effect.type === 'clear') effect.version = change(effect.version);
}

function feed(world: World, event: CommandsEvent): void {
  world.effects.push(...advance(world, event));
}

function receive(world: World, message: ToHub): void {
  if (message.t === 'event') feed(world, message.event);
  else if (message.t === 'reported') {
    feed(world, { type: 'updated', version: message.version, cleared: null });
    world.effects.push(...advance(world, { type: 'delivered', id: message.id }));
  } else {
    // The driver tries again while the link stands.
    sendReport(world, message.id);
  }
}

function sendReport(world: World, id: string): void {
  const entry = world.hub.entries.find((other) => other.id === id);
  const underWay = world.toCloud.some((message) => message.t === 'report' && message.last.id === id && !message.stale);
  const answered = world.toHub.some((message) => message.t !== 'event' && message.id === id);
  if (entry?.stage === 'finished' && !underWay && !answered) world.toCloud.push({ t: 'report', last: { id, done: true }, stale: false });
}

function perform(world: World): void {
  const effect = world.effects.shift()!;
  if (effect.type === 'readShadow') world.toCloud.push({ t: 'read', stale: false });
  else if (effect.type === 'deliver') sendReport(world, effect.id);
  else if (effect.type === 'execute') {
    world.runs[effect.id] = (world.runs[effect.id] ?? 0) + 1;
    world.running.push(effect.id);
  } else if (effect.type === 'clear') {
    const entry = world.hub.entries.find((other) => other.id === effect.id);
    if (!entry) return;
    const last = entry.stage === 'seen' ? { id: entry.id, done: entry.outcome !== null } : null;
    world.toCloud.push({ t: 'clear', id: effect.id, version: effect.version, last, stale: false });
  }
}

function persist(world: World, diskFull: boolean): void {
  const { id } = world.effects.shift() as Extract<CommandsEffect, { type: 'persist' }>;
  const entry = world.hub.entries.find((other) => other.id === id);
  if (!entry) return;
  if (!diskFull) {
    world.journal[id] = entry.repeatable ? entry : { ...entry, args: null };
    return;
  }
  if (entry.stage === 'seen' && entry.outcome === null) feed(world, { type: 'unjournaled', id, outcome: REFUSED, at: 0 });
  if (world.effects.some((effect) => effect.type === 'execute' && effect.id === id)) {
    world.effects = world.effects.filter((effect) => effect.type !== 'execute' || effect.id !== id);
    world.effects.push(...advance(world, { type: 'executed', id, outcome: REFUSED, at: 0 }));
  }
}

function candidate(id: string | null, options: ModelOptions): Candidate | null {
  const command = options.commands.find((other) => other.id === id);
  if (!command) return null;
  const verdict: Candidate['verdict'] =
    command.kind === 'refused'
      ? { accept: false, outcome: REFUSED }
      : { accept: true, repeatable: command.kind === 'repeatable', args: {} };
  return { id: command.id, command: command.kind, receivedAt: 0, verdict };
}

function delta(world: World, options: ModelOptions): void {
  if (world.desired === null || world.hub.link === 'down') return;
  world.toHub.push({ t: 'event', event: { type: 'delta', version: world.version, candidate: candidate(world.desired, options) } });
}

function note(world: World, last: Last): void {
  world.last = last;
  if (last.done && !world.answered.includes(last.id)) world.answered.push(last.id);
}

/** The Shadow service does a request; its answer reaches the hub unless it is lost or the hub does not wait any more. */
function cloudTakes(world: World, message: ToCloud, options: ModelOptions, answerLost: boolean): void {
  const answer = (event: ToHub) => {
    if (message.stale) return;
    if (answerLost) timeOut(world, message);
    else world.toHub.push(event);
  };
  if (message.t === 'read') {
    const inProgress = world.last && !world.last.done ? { id: world.last.id, command: '', receivedAt: 0 } : null;
    answer({
      t: 'event',
      event: { type: 'shadowRead', version: world.version, candidate: candidate(world.desired, options), inProgress },
    });
  } else if (message.t === 'clear') {
    if (message.version !== world.version) {
      answer({ t: 'event', event: { type: 'clearFailed', id: message.id, reason: 'conflict' } });
      return;
    }
    world.desired = null;
    world.version += 1;
    if (message.last) note(world, message.last);
    answer({ t: 'event', event: { type: 'updated', version: world.version, cleared: message.id } });
  } else {
    world.version += 1;
    note(world, message.last);
    answer({ t: 'reported', id: message.last.id, version: world.version });
    delta(world, options);
  }
}

function timeOut(world: World, message: ToCloud): void {
  if (message.t === 'read') world.toHub.push({ t: 'event', event: { type: 'readFailed' } });
  else if (message.t === 'clear') world.toHub.push({ t: 'event', event: { type: 'clearFailed', id: message.id, reason: 'uncertain' } });
  else world.toHub.push({ t: 'reportFailed', id: message.last.id });
}

/** What is under way to the cloud may still arrive; nobody waits for its answer. */
function cutLink(world: World): void {
  world.toHub = [];
  world.toCloud = world.toCloud.filter((message) => message.t !== 'read');
  for (const message of world.toCloud) message.stale = true;
}
