import { ApiError } from './http-server.ts';

/** The body of a request as an object. @throws ApiError */
export function recordOf(body: unknown): Record<string, unknown> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new ApiError(400, 'invalid_body', 'The body must be a JSON object.');
}

/** A whole number of a query (text) or of a body, or the usual one when it is absent. @throws ApiError */
export function numberOf(given: unknown, usual: number, min: number, max: number): number {
  if (given === null || given === undefined) return usual;
  const value = typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : given;
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
    throw new ApiError(400, 'invalid_number', `${shown(given)} must be a whole number from ${min} to ${max}.`);
  }
  return value as number;
}

/** A text of a body. @throws ApiError when it is missing or something else */
export function textOf(given: unknown, field: string): string {
  if (typeof given === 'string') return given;
  throw new ApiError(400, 'invalid_text', `"${field}" must be a text.`);
}

/** What was given, for its sender: the beginning of a text or number, the kind of anything else. */
function shown(given: unknown): string {
  return typeof given === 'string' || typeof given === 'number' ? `"${String(given).slice(0, 20)}"` : `A value of type ${typeof given}`;
}
