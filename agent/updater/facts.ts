import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { MAX_MANIFEST_BYTES, type Manifest, parseManifest } from '../release/manifest.ts';
import { CONFIRM_FILE, COUNT_FILE, OLD_STATE_FILE, REQUEST_FILE, ROLLBACK_FILE, STATE_FILE } from '../release/places.ts';
import { isSigned } from '../release/signature.ts';
import { FIRST_STATE, isAttempt, parseState, type ReleasesState, VERDICTS, type Verdict } from '../release/state.ts';
import type { Count, Facts, Request } from './decide.ts';
import type { Disk } from './disk.ts';

/** This machine, as far as the updater needs it. */
export interface UpdaterMachine {
  /** Root's folder. */
  releases: string;
  /** The folder of the factory release, and its two numbers. */
  library: string;
  factory: { sequence: number; system: number };
  /** The agent's folder, where it cannot be exchanged meanwhile; null: there is none. */
  update: string | null;
  keys: readonly KeyObject[];
  arch: string;
  model: string | null;
  bootId: string;
  uptimeSeconds: number;
  trialSeconds: number;
  /** The attempt whose trial the launcher could not start in this boot; null: none. */
  refused: string | null;
  nowSeconds: number;
  log(line: string): void;
}

/** Manifest, signature and attempt, with the escapes of JSON. */
const MAX_REQUEST_BYTES = 2 * MAX_MANIFEST_BYTES + 1024;
const MAX_STATE_BYTES = 64 * 1024;

function readJson(disk: Disk, path: string, maxBytes: number): Record<string, unknown> | 'invalid' | null {
  try {
    const data = disk.read(path, maxBytes);
    if (data === null) return null;
    const value: unknown = JSON.parse(data.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : 'invalid';
  } catch {
    return 'invalid';
  }
}

function readManifest(text: string): Manifest | null {
  try {
    return parseManifest(text);
  } catch {
    return null;
  }
}

function readRequest(disk: Disk, { update, keys }: UpdaterMachine): { request: Facts['request']; signature: string } {
  const found = update === null ? null : readJson(disk, join(update, REQUEST_FILE), MAX_REQUEST_BYTES);
  if (found === null || found === 'invalid') return { request: found, signature: '' };
  const { manifest, signature, attempt } = found;
  if (typeof manifest !== 'string' || typeof signature !== 'string' || !isAttempt(attempt)) return { request: 'invalid', signature: '' };
  const signed = isSigned(manifest, signature, keys);
  const request: Request = { attempt, manifest: readManifest(manifest), signed };
  return { request, signature };
}

function readConfirm(disk: Disk, { update }: UpdaterMachine): Facts['confirm'] {
  const found = update === null ? null : readJson(disk, join(update, CONFIRM_FILE), 1024);
  if (found === null || found === 'invalid') return found;
  const { sequence, verdict } = found;
  return Number.isSafeInteger(sequence) && VERDICTS.includes(verdict as Verdict)
    ? { sequence: sequence as number, verdict: verdict as Verdict }
    : 'invalid';
}

/** The line of a small file of root's; null: there is none. What cannot be read is an empty one. */
function readLine(disk: Disk, path: string): string | null {
  try {
    return disk.read(path, 256)?.toString('latin1').trim() ?? null;
  } catch {
    return '';
  }
}

function readCount(disk: Disk, releases: string): Count | 'damaged' | null {
  const line = readLine(disk, join(releases, COUNT_FILE));
  if (line === null) return null;
  const words = /^(\d{1,16}) (\d{1,16}) (\d{1,16}) (\S+) (\d{1,16})$/.exec(line)?.slice(1);
  if (!words) return 'damaged';
  const [sequence, boots, starts, , sinceSeconds] = words.map(Number) as [number, number, number, number, number];
  return { sequence, boots, starts, bootId: words[3]!, sinceSeconds };
}

/** The sequence that root wants to leave. */
function readRollback(disk: Disk, releases: string): Facts['rollback'] {
  const line = readLine(disk, join(releases, ROLLBACK_FILE));
  if (line === null) return null;
  return /^\d{1,16}$/.test(line) ? Number(line) : 'invalid';
}

/**
 * The state; when it is damaged, what it was before its last change, without a trial. The package's release is there in any case.
 * `sound`: nothing was damaged, so that what it does not name is of no use.
 */
function readState(disk: Disk, { releases, log }: UpdaterMachine): { state: ReleasesState; sound: boolean } {
  let sound = true;
  for (const name of [STATE_FILE, OLD_STATE_FILE]) {
    try {
      const text = disk.read(join(releases, name), MAX_STATE_BYTES)?.toString('utf8');
      if (text === undefined) continue;
      const state = parseState(text);
      return { state: name === STATE_FILE ? state : { ...state, trial: null }, sound };
    } catch {
      log(`${name} of the releases is damaged`);
      sound = false;
    }
  }
  return { state: FIRST_STATE, sound };
}

/** What lies on the disk now: it may be old, torn, or planted. `signature`: of the request. `sound`: the state was not damaged. */
export function readFacts(disk: Disk, machine: UpdaterMachine): { facts: Facts; signature: string; sound: boolean } {
  const { releases } = machine;
  const { request, signature } = readRequest(disk, machine);
  const rollback = readRollback(disk, releases);
  const { state, sound } = readState(disk, machine);
  const trialThere = state.trial !== null && disk.list(join(releases, String(state.trial.sequence))).includes('hub-agent.cjs');
  const confirm = readConfirm(disk, machine);
  const facts: Facts = { ...machine, state, trialThere, request, confirm, rollback, count: readCount(disk, releases) };
  return { facts, signature, sound };
}
