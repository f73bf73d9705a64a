import { join } from 'node:path';
import * as z from 'zod';
import type { Claim } from '../contract/shadow.ts';
import type { Files } from '../system/files.ts';
import type { Log } from '../system/log.ts';
import { INTERPRETED } from '../system/parse-options.ts';
import { type Found, readRecord } from '../system/records.ts';
import { parseSealed } from '../system/seal.ts';

/** In the state directory. */
export const CLAIM_FILE = 'claim.json';

/** Ids are opaque to the hub; the bound keeps a wrong one from filling shadow and flash. */
const id = z.string().min(1).max(128);

/** A claim as it comes from the cloud, and as it lies on the disk. */
export const claimSchema = z.object({ orgId: id, siteId: id, claimedBy: id, claimedAt: z.number().int().nonnegative() });

function parseClaim(data: Buffer): Claim {
  const parsed = claimSchema.safeParse(parseSealed(data), INTERPRETED);
  if (!parsed.success) throw new Error('not a claim');
  return parsed.data;
}

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
