import type { FieldProblem } from '../../../agent/system/errors.ts';

/** A UUID in its text form (RFC 9562, section 4), any version and either case. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Far above any name in use; it keeps a claim within the shadow's 8 KB. */
const MAX_NAME_CHARACTERS = 256;

export type JsonObject = Record<string, unknown>;

/** A body that passed, or everything that is wrong with it. */
export type Checked<T> = { ok: true; value: T } | { ok: false; problems: FieldProblem[] };

export interface ProvisionBody {
  hubId: string;
  serial: string;
  model: string;
  thingName?: string;
  vendorName?: string;
}

export interface ClaimBody {
  hubId: string;
  orgId?: string;
  siteId: string;
  userId: string;
}

/** `args` is absent, not empty, when the caller left it out: what is written to the shadow differs. */
export interface CommandBody {
  hubId: string;
  command: string;
  args?: JsonObject;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** UUIDs are compared without regard to case (RFC 9562, section 4). */
function sameHubId(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function nameProblem(body: JsonObject, field: string, required: boolean): FieldProblem | null {
  const value = body[field];
  if (value === undefined) return required ? { field, message: `${field} is required` } : null;
  if (typeof value !== 'string') return { field, message: `${field} must be a string` };
  if (value.trim() === '') return { field, message: `${field} must not be empty` };
  return value.length > MAX_NAME_CHARACTERS ? { field, message: `${field} must have at most ${MAX_NAME_CHARACTERS} characters` } : null;
}

function hubIdProblem(body: JsonObject, pathId: string): FieldProblem | null {
  const problem = nameProblem(body, 'hubId', true);
  if (problem) return problem;
  const hubId = body.hubId as string;
  if (!UUID.test(hubId)) return { field: 'hubId', message: 'hubId must be a UUID' };
  return sameHubId(hubId, pathId) ? null : { field: 'hubId', message: 'hubId must be the same as the id in the path' };
}

function check<T>(body: JsonObject, problems: (FieldProblem | null)[]): Checked<T> {
  const found = problems.filter((problem) => problem !== null);
  return found.length > 0 ? { ok: false, problems: found } : { ok: true, value: body as T };
}

export function checkProvisionBody(body: JsonObject, pathId: string): Checked<ProvisionBody> {
  return check(body, [
    hubIdProblem(body, pathId),
    nameProblem(body, 'serial', true),
    nameProblem(body, 'model', true),
    nameProblem(body, 'thingName', false),
    nameProblem(body, 'vendorName', false),
  ]);
}

export function checkClaimBody(body: JsonObject, pathId: string): Checked<ClaimBody> {
  return check(body, [
    hubIdProblem(body, pathId),
    nameProblem(body, 'orgId', false),
    nameProblem(body, 'siteId', true),
    nameProblem(body, 'userId', true),
  ]);
}

/** Only the envelope: neither the command's name nor what is in `args` is the cloud's business. */
export function checkCommandBody(body: JsonObject, pathId: string): Checked<CommandBody> {
  const argsProblem = body.args === undefined || isObject(body.args) ? null : { field: 'args', message: 'args must be an object' };
  return check(body, [hubIdProblem(body, pathId), nameProblem(body, 'command', true), argsProblem]);
}
