import {
  COPY,
  type Code,
  code,
  idOf,
  kindOf,
  MAX_VERSION,
  OUTCOME,
  outcomeOf,
  STALE,
  TO_CLOUD,
  TO_HUB,
  versionOf,
  withVersion,
} from './codes.ts';
import type { Hub } from './machine.ts';

/** A broken promise. */
export class Broken extends Error {}

/** A command in a set of commands. */
export const bit = (id: number) => 1 << (id - 1);
export const nameOf = (id: number) => 'abcdefg'[id - 1]!;

/** How much bad luck there is, at most 3 of each. Each happens at any moment, in any combination. */
export interface Luck {
  /** The process dies, between any two durable writes. */
  crashes: number;
  /** The link falls and comes back later; what was under way to the cloud may still be applied. */
  reconnects: number;
  /** An answer is lost or too late; a delta is lost or repeated; an update of the hub's own comes between; a standing command expires. */
  faults: number;
  /** A write of the journal fails. */
  fullDisks: number;
  /** The process dies and its journal is gone. */
  lostJournals: number;
}

/** One state of everything. Sets of commands are bits, commands count from 1. */
export interface World {
  /** How many commands the cloud has sent. */
  sent: number;
  version: number;
  desired: number;
  /** The one that stands in `desired` is too old by now. */
  expired: number;
  /** The reported `lastCommand` and its class; 0 for none. */
  last: number;
  lastClass: number;

  core: number;
  view: number;
  reading: number;
  /** One record a command. */
  journal: number[];
  running: number;

  /** Commands that ran ever, and since this process started. */
  ran: number;
  ranNow: number;
  /** The class of the answer that the cloud has, by command. */
  answered: number[];
  /** Commands that the hub has made vanish from the cloud, or has journaled: each owes an answer. */
  owed: number;
  /** Commands whose acknowledgement the hub has dealt with, with a record on disk: each is over for good, whatever the disk refused before. */
  settled: number;
  /** 1: a write has failed, what the journal says may be behind. 2: a journal was lost. */
  tainted: number;

  toCloud: Code[];
  toHub: Code[];
  luck: Luck;
}

/** A copy, spelt out field by field: the walk makes millions of them. */
export function copyOf(world: World): World {
  const { luck } = world;
  return {
    sent: world.sent,
    version: world.version,
    desired: world.desired,
    expired: world.expired,
    last: world.last,
    lastClass: world.lastClass,
    core: world.core,
    view: world.view,
    reading: world.reading,
    journal: world.journal.slice(),
    running: world.running,
    ran: world.ran,
    ranNow: world.ranNow,
    answered: world.answered.slice(),
    owed: world.owed,
    settled: world.settled,
    tainted: world.tainted,
    toCloud: world.toCloud.slice(),
    toHub: world.toHub.slice(),
    luck: {
      crashes: luck.crashes,
      reconnects: luck.reconnects,
      faults: luck.faults,
      fullDisks: luck.fullDisks,
      lostJournals: luck.lostJournals,
    },
  };
}

/** A few numbers are sorted fastest by insertion. */
function sort(messages: Code[]): void {
  for (let end = 1; end < messages.length; end += 1) {
    const message = messages[end]!;
    let at = end;
    for (; at > 0 && messages[at - 1]! > message; at -= 1) messages[at] = messages[at - 1]!;
    messages[at] = message;
  }
}

const ranks = new Uint8Array(MAX_VERSION + 1);

/**
 * One world for all that behave alike. The version of the shadow never shrinks, and what the hub knows of it shrinks only with a crash, which
 * takes everything under way to the hub with it but the copies. Hence:
 * - what is under way is a bag: it may arrive in any order anyhow;
 * - a delta below the known version is dropped when the hub knows its command, and so is an update of the hub's own at or below it: the machine
 *   ignores both. A copied delta stays while a crash is left;
 * - an accepted update counts only if it is the very next version: where nothing can lead to the one before, its version is struck out;
 * - a read's answer below the known version only makes the hub read again: its contents are struck out;
 * - a clear for an old version can only be refused: its version is struck out, or the whole of it when nobody waits for the refusal;
 * - the version known when a read was asked for is never above the answer's: it is struck out;
 * - a late response of AWS IoT Commands that the cloud has already says nothing new;
 * - a known version below all that is under way, and below the cloud's, is as good as none;
 * - a `lastCommand` that is not running tells the hub nothing, and a run of what is answered breaks the promise, the first as well as the next;
 * - of the remaining versions only the order counts, and whether an update is the next one: they are renumbered.
 */
export function canonical(hub: Hub, world: World): World {
  if (world.reading > 0) world.reading = 0;
  if (world.lastClass !== OUTCOME.running) world.last = world.lastClass = 0;
  if (!world.tainted && world.luck.fullDisks + world.luck.lostJournals === 0) {
    for (let index = 0; index < world.answered.length; index += 1) {
      if (!world.answered[index]) continue;
      world.ran |= 1 << index;
      world.ranNow |= 1 << index;
    }
  }
  dropFromHub(hub, world);
  dropFromCloud(world);
  renumber(world);
  sort(world.toHub);
  sort(world.toCloud);
  return world;
}

function dropFromHub(hub: Hub, world: World): void {
  const { view, toHub } = world;
  const forgets = world.luck.crashes + world.luck.lostJournals > 0;
  let kept = 0;
  for (let index = 0; index < toHub.length; index += 1) {
    const message = toHub[index]!;
    const kind = kindOf(message);
    const at = versionOf(message);
    if (kind === TO_HUB.delta && at < view && hub.recordOf(world.core, idOf(message)) && !(forgets && message & COPY)) continue;
    if (kind === TO_HUB.updated && idOf(message) === 0 && at <= view) continue;
    if (kind === TO_HUB.shadowRead && at < view) toHub[kept++] = code(TO_HUB.shadowRead);
    else if (kind === TO_HUB.reported && at <= view) toHub[kept++] = withVersion(message, 0);
    else toHub[kept++] = message;
  }
  toHub.length = kept;
}

function dropFromCloud(world: World): void {
  const { toCloud, version, answered } = world;
  let kept = 0;
  for (let index = 0; index < toCloud.length; index += 1) {
    const message = toCloud[index]!;
    const kind = kindOf(message);
    const stale = (message & STALE) !== 0;
    if (stale && kind === TO_CLOUD.respond && answered[idOf(message) - 1] === outcomeOf(message)) continue;
    if (kind !== TO_CLOUD.clear || versionOf(message) === version) toCloud[kept++] = message;
    else if (!stale) toCloud[kept++] = withVersion(message, 0);
  }
  toCloud.length = kept;
}

/** Versions as bits: which there are, and which belong to an accepted update. */
function renumber(world: World): void {
  const { toHub, toCloud, version } = world;
  let present = 0;
  let updates = 0;
  let acknowledgements = 0;
  let oldRead = false;
  for (let index = 0; index < toHub.length; index += 1) {
    const kind = kindOf(toHub[index]!);
    const at = versionOf(toHub[index]!);
    if (at === 0) oldRead ||= kind === TO_HUB.shadowRead;
    else if (kind === TO_HUB.reported) acknowledgements |= 1 << at;
    else present |= 1 << at;
    if (kind === TO_HUB.updated) updates |= 1 << at;
  }
  for (let at = 1; at <= MAX_VERSION; at += 1) {
    if (!(acknowledgements & (1 << at))) continue;
    if (at === world.view + 1 || present & (1 << (at - 1))) {
      present |= 1 << at;
      updates |= 1 << at;
    } else acknowledgements &= ~(1 << at);
  }
  for (let index = 0; index < toHub.length; index += 1) {
    const message = toHub[index]!;
    if (kindOf(message) === TO_HUB.reported && !(acknowledgements & (1 << versionOf(message)))) toHub[index] = withVersion(message, 0);
  }
  const atOrBelowView = present & (2 * (1 << world.view) - 1);
  if (world.view < version && !oldRead && !atOrBelowView && !(updates & (1 << (world.view + 1)))) world.view = 0;

  present |= (1 << version) | (1 << world.view);
  let rank = 0;
  let before = -1;
  for (let at = 0; at <= MAX_VERSION; at += 1) {
    if (!(present & (1 << at))) continue;
    if (before < 0) rank = at === 0 ? 0 : 1;
    else rank += at === before + 1 && updates & (1 << at) ? 1 : 2;
    before = at;
    ranks[at] = rank;
  }
  // A step adds at most one version, and the bits have room for 31.
  if (rank >= MAX_VERSION - 1) throw new Error('too many versions for the layout');
  ranks[0] = 0;
  world.version = ranks[version]!;
  world.view = ranks[world.view]!;
  for (let index = 0; index < toHub.length; index += 1) toHub[index] = withVersion(toHub[index]!, ranks[versionOf(toHub[index]!)]!);
  for (let index = 0; index < toCloud.length; index += 1) toCloud[index] = withVersion(toCloud[index]!, ranks[versionOf(toCloud[index]!)]!);
}

const bytes = Buffer.alloc(256);

/** The whole world as a short text: two worlds have the same text only if they are the same. */
export function keyOf(world: World): string {
  const { luck, journal, answered, toCloud, toHub } = world;
  let at = 0;
  const put = (value: number) => {
    bytes[at++] = value;
  };
  put(world.sent | (world.desired << 3) | (world.expired << 6));
  put(world.last | (world.lastClass << 3));
  put(world.version);
  put(world.view);
  put(world.reading + 1);
  put(world.core);
  put(world.core >> 8);
  put(world.core >> 16);
  put(world.running | (world.settled << 4));
  put(world.ran | (world.ranNow << 4));
  put(world.owed | (world.tainted << 4) | (luck.lostJournals << 6));
  put(luck.crashes | (luck.reconnects << 2) | (luck.faults << 4) | (luck.fullDisks << 6));
  for (let index = 0; index < journal.length; index += 1) put(journal[index]!);
  for (let index = 0; index < answered.length; index += 1) put(answered[index]!);
  put(toCloud.length);
  for (const message of toCloud) {
    put(message);
    put(message >> 8);
    put(message >> 16);
  }
  for (const message of toHub) {
    put(message);
    put(message >> 8);
    put(message >> 16);
  }
  return bytes.toString('latin1', 0, at);
}

/** The first world: nothing sent, the hub not yet connected. */
export function firstWorld(hub: Hub, commands: number, luck: Luck): World {
  return {
    sent: 0,
    version: 1,
    desired: 0,
    expired: 0,
    last: 0,
    lastClass: 0,
    core: hub.empty,
    view: 0,
    reading: -1,
    journal: Array.from({ length: commands }, () => 0),
    running: 0,
    ran: 0,
    ranNow: 0,
    answered: Array.from({ length: commands }, () => 0),
    owed: 0,
    settled: 0,
    tainted: 0,
    toCloud: [],
    toHub: [],
    luck: { ...luck },
  };
}
