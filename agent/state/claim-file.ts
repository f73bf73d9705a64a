import { join } from 'node:path';
import type { Claim } from '../contract/shadow.ts';
import type { Files } from '../system/files.ts';
import type { Log } from '../system/log.ts';
import { type Found, readRecord } from '../system/records.ts';
import { parsed, type Schema } from '../system/schema.ts';
import { parseSealed } from '../system/seal.ts';

/** In the state directory. */
export const CLAIM_FILE = 'claim.json';

/** Ids are opaque to the hub; the bound keeps a wrong one from filling shadow and flash. */
const ID: Schema = { type: 'string', minLength: 1, maxLength: 128 };

/** A claim as it comes from the cloud, and as it lies on the disk. */
export const CLAIM_SCHEMA: Schema = {
  type: 'object',
  properties: { orgId: ID, siteId: ID, claimedBy: ID, claimedAt: { type: 'integer', minimum: 0 } },
  required: ['orgId', 'siteId', 'claimedBy', 'claimedAt'],
};

const parseClaim = (data: Buffer) => parsed<Claim>(CLAIM_SCHEMA, parseSealed(data), 'not a claim');

/** The stored claim. Never throws; a damaged one is logged and set aside. */
export function readClaim(
  deps: { files: Pick<Files, 'read' | 'rename' | 'remove'>; log: Pick<Log, 'error'> },
  stateDirectory: string,
): Promise<Found<Claim>> {
  return readRecord(deps, {
    path: join(stateDirectory, CLAIM_FILE),
    parse: parseClaim,
    event: 'claim_damaged',
    means: 'the stored claim is damaged; it comes again with the shadow',
  });
}
