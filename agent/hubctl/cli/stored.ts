import type { CommandError, CommandOutcome, CommandStatus } from '../../contract/command.ts';
import type { Node, OsdpFacts } from '../../contract/node.ts';
import type { Claim } from '../../contract/shadow.ts';
import type { CommandReport } from '../../control/api.ts';
import { unsealed } from '../../system/seal.ts';
import { MAX_TIME_MS } from '../../system/units.ts';

/**
 * The agent's records as hubctl shows them. Every field is checked: a screen must neither crash on a damaged record nor show it. By hand, for
 * hubctl starts without the schema library.
 */

type Json = Record<string, unknown>;

const STATUSES: readonly string[] = ['IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'REJECTED', 'TIMED_OUT'] satisfies CommandStatus[];

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isTime = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= MAX_TIME_MS;
const isStatus = (value: unknown): value is CommandStatus => isText(value) && STATUSES.includes(value);
const orNull = (isRight: (value: unknown) => boolean) => (value: unknown) => value === null || isRight(value);
const isFlag = (value: unknown) => typeof value === 'boolean';
const hasAll = (value: Json, names: readonly string[], isRight: (value: unknown) => boolean) => names.every((name) => isRight(value[name]));

const isDevice = (value: unknown) => isObject(value) && hasAll(value, ['vendor', 'model', 'serialNumber'], orNull(isText));

const isMoved = (value: unknown) => isObject(value) && isText(value.from) && orNull(isText)(value.at);

const isBytes = (value: unknown) => Array.isArray(value) && value.every((byte) => typeof byte === 'number');

/** What a stored OSDP peripheral has besides; nothing when it is not what it should be. */
function osdpFactsOf({ hardwareVersion, osdpVersion, capabilityLevels, capabilityCounts, lastCardAt }: Json): Partial<OsdpFacts> {
  // How inputs and outputs were says nothing of now.
  const facts = { hardwareVersion, osdpVersion, capabilityLevels, capabilityCounts, lastCardAt, inputs: null, outputs: null };
  const isRight =
    hasAll(facts, ['hardwareVersion', 'osdpVersion', 'lastCardAt'], orNull(isText)) &&
    hasAll(facts, ['capabilityLevels', 'capabilityCounts'], isBytes);
  return isRight ? (facts as Partial<OsdpFacts>) : Object.fromEntries(Object.keys(facts).map((name) => [name, undefined]));
}

/** The claim of a record; null when it is none. */
export function claimOf(value: unknown): Claim | null {
  if (!isObject(value) || !hasAll(value, ['orgId', 'siteId', 'claimedBy'], isText) || !isTime(value.claimedAt)) return null;
  return value as unknown as Claim;
}

/** A node as the agent wrote it. `available` is false: whether it answers now, only the agent knows. */
export interface StoredNode extends Node {
  /** Whether it answered when it was written. */
  lastAvailable: boolean;
}

/** A node of a record; null when it is none. */
export function nodeOf(stored: unknown): StoredNode | null {
  try {
    const node = unsealed(stored);
    const texts = ['vendor', 'model', 'serialNumber', 'firmwareVersion', 'security', 'lastSeen', 'firstSeen'];
    const isNode =
      hasAll(node, ['nodeId', 'bus', 'protocol', 'address'], isText) &&
      hasAll(node, texts, orNull(isText)) &&
      hasAll(node, ['tamper', 'powerFault'], orNull(isFlag)) &&
      Array.isArray(node.capabilities) &&
      node.capabilities.every(isText) &&
      orNull((value) => typeof value === 'number')(node.linkQuality ?? null);
    // What older agents did not write is not known.
    const securityReason = isText(node.securityReason) ? node.securityReason : null;
    const replaced = isDevice(node.replaced) ? node.replaced : null;
    const moved = isMoved(node.moved) ? node.moved : undefined;
    const problem = node.problem === 'garbled' ? node.problem : null;
    const told = { ...osdpFactsOf(node), securityReason, replaced, moved, problem };
    return isNode ? ({ ...node, available: false, lastAvailable: node.available === true, ...told } as unknown as StoredNode) : null;
  } catch {
    return null;
  }
}

function outcomeOf(value: unknown): CommandOutcome | null {
  if (!isObject(value) || !isStatus(value.status)) return null;
  if (value.status === 'SUCCEEDED') return isObject(value.result) ? (value as unknown as CommandOutcome) : null;
  const error = value.error as CommandError | undefined;
  return isObject(error) && isText(error.code) && isText(error.message) ? (value as unknown as CommandOutcome) : null;
}

function answeredOf(value: unknown): CommandReport['answered'] {
  if (!isObject(value) || !isStatus(value.status)) return null;
  return { status: value.status, code: isText(value.code) ? value.code : null };
}

/** A command of the journal, without its args; null when the record is none. `isDone`: the command is answered, independent of the record. */
export function reportOf(entry: unknown, isDone: boolean): CommandReport | null {
  if (!isObject(entry) || !hasAll(entry, ['id', 'intake', 'command', 'stage'], isText)) return null;
  if (!isTime(entry.receivedAt) || !orNull(isTime)(entry.finishedAt)) return null;
  const { id, intake, command, receivedAt, finishedAt } = entry as unknown as CommandReport;
  const kept = outcomeOf(entry.outcome);
  const outcome = isDone ? null : kept;
  const answered =
    isDone && kept ? answeredOf({ status: kept.status, code: 'error' in kept ? kept.error.code : null }) : answeredOf(entry.answered);
  return {
    id,
    intake,
    command,
    stage: isDone ? 'delivered' : String(entry.stage),
    receivedAt,
    finishedAt,
    outcome,
    status: outcome?.status ?? null,
    answered,
  };
}
