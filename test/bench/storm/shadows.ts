import { applyPatch } from '../../../agent/cloud/shadow/merge-patch.ts';
import type { Account } from './account.ts';

/** The reported state of one Thing; the desired one is as reported and never differs. */
export interface Shadow {
  version: number;
  reported: Record<string, unknown>;
  /** Of the reported state, as of the last update. */
  bytes: number;
  /** When \`online\` was last written, epoch milliseconds. */
  onlineAtMs: number;
}

/** What the service publishes: the answer; after an update also the message on `documents`. */
const ANSWERS = { read: 1, update: 2, refusal: 1 } as const;

export type Answer = 'done' | 'throttled' | 'dropped';

export const emptyShadow = (): Shadow => ({ version: 0, reported: {}, bytes: 2, onlineAtMs: 0 });

/** The account lets a request through to the Shadow service, or not. `dropped`: the broker did not take the message. */
function admit(account: Account, { bytes }: Shadow, what: 'read' | 'update'): Answer {
  if (!account.take('inbound')) return 'dropped';
  if (!account.take('shadow')) {
    account.publishes(ANSWERS.refusal);
    return 'throttled';
  }
  account.publishes(ANSWERS[what]);
  account.shadowOperation(bytes);
  return 'done';
}

export const readShadow = (account: Account, shadow: Shadow): Answer => admit(account, shadow, 'read');

export function updateShadow(account: Account, shadow: Shadow, reported: Record<string, unknown>, atMs: number): Answer {
  const answer = admit(account, shadow, 'update');
  if (answer !== 'done') return answer;
  shadow.version += 1;
  if ('online' in reported) shadow.onlineAtMs = atMs;
  shadow.reported = applyPatch(shadow.reported, reported);
  shadow.bytes = JSON.stringify(shadow.reported).length;
  return answer;
}
