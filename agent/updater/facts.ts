import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { MAX_MANIFEST_BYTES, type Manifest, parseManifest } from '../release/manifest.ts';
import { CONFIRM_FILE, COUNT_FILE, OLD_STATE_FILE, REQUEST_FILE, ROLLBACK_FILE, STATE_FILE } from '../release/places.ts';
import { stateOf } from '../release/read-state.ts';
import { isSigned } from '../release/signature.ts';
import { isAttempt, isVerdict } from '../release/state.ts';
import type { Count, Facts, Message } from './decide.ts';
import type { Disk } from './disk.ts';

type Given = 'factory' | 'arch' | 'model' | 'bootId' | 'uptimeSeconds' | 'trialSeconds' | 'refused' | 'nowSeconds';

/** This machine, as far as the updater needs it. */
export interface UpdaterMachine extends Pick<Facts, Given> {
  /** Root's folder. */
  releases: string;
  /** The folder of the factory release. */
  library: string;
  /** The agent's folder, where it cannot be exchanged meanwhile; null: there is none. */
  update: string | null;
  keys: readonly KeyObject[];
  log(line: string): void;
}

/** Manifest, signature and attempt, with the escapes of JSON. */
const MAX_MESSAGE_BYTES = 2 * MAX_MANIFEST_BYTES + 1024;
const MAX_STATE_BYTES = 64 * 1024;

/** Where a message lies; null: the agent has no folder. */
export function pathOf(message: Message, { releases, update }: UpdaterMachine): string | null {
  if (message === 'rollback') return join(releases, ROLLBACK_FILE);
  return update === null ? null : join(update, message === 'request' ? REQUEST_FILE : CONFIRM_FILE);
}

function manifestIn(text: string): Manifest | null {
  try {
    return parseManifest(text);
  } catch {
    return null;
  }
}

function requestIn({ manifest, signature, attempt }: Record<string, unknown>, keys: readonly KeyObject[]): Facts['request'] {
  if (typeof manifest !== 'string' || typeof signature !== 'string' || !isAttempt(attempt)) throw new Error('no request');
  return { attempt, manifest: manifestIn(manifest), signature, signed: isSigned(manifest, signature, keys) };
}

function sequenceIn(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new Error('no sequence');
  return value as number;
}

function confirmIn({ sequence, verdict }: Record<string, unknown>): Facts['confirm'] {
  if (!isVerdict(verdict)) throw new Error('no verdict');
  return { sequence: sequenceIn(sequence), verdict };
}

function countIn(line: string): Count | 'damaged' {
  const words = /^(\d{1,16}) (\d{1,16}) (\d{1,16}) (\S+) (\d{1,16})\s*$/.exec(line)?.slice(1);
  if (!words) return 'damaged';
  const [sequence, boots, starts, , sinceSeconds] = words.map(Number) as [number, number, number, number, number];
  return { sequence, boots, starts, bootId: words[3]!, sinceSeconds };
}

/** What lies on the disk now: it may be old, torn, or planted. `sound`: the state could be read, so that what it does not name is of no use. */
export function readFacts(disk: Disk, machine: UpdaterMachine): Facts & { sound: boolean } {
  const { releases, keys, log } = machine;
  const unreadable: Message[] = [];
  function message<T>(name: Message, parse: (value: never) => T): T | null {
    const path = pathOf(name, machine);
    try {
      const data = path === null ? null : disk.read(path, MAX_MESSAGE_BYTES);
      return data === null ? null : parse(JSON.parse(data.toString('utf8')) as never);
    } catch {
      log(`${name} cannot be read: it is removed`);
      unreadable.push(name);
      return null;
    }
  }
  // What cannot be read counts as damaged.
  function text(name: string): string | null {
    try {
      return disk.read(join(releases, name), MAX_STATE_BYTES)?.toString('utf8') ?? null;
    } catch {
      return '';
    }
  }
  const request = message('request', (value) => requestIn(value, keys));
  const rollback = message('rollback', sequenceIn);
  let sound = true;
  const state = stateOf(text(STATE_FILE), text(OLD_STATE_FILE), (damage) => {
    sound = false;
    log(damage);
  });
  const trialThere = state.trial !== null && disk.list(join(releases, String(state.trial.sequence))).includes('hub-agent.cjs');
  const confirm = message('confirm', confirmIn);
  const line = text(COUNT_FILE);
  const count = line === null ? null : countIn(line);
  return { ...machine, state, trialThere, request, confirm, rollback, unreadable, count, sound };
}
