import { ApiError } from './http-server.ts';

/** The body of a request as an object. @throws ApiError */
export function recordOf(body: unknown): Record<string, unknown> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new ApiError(400, 'invalid_body', 'The body must be a JSON object.');
}

/** A whole number of a request, or the usual one when it is absent. @throws ApiError */
export function numberOf(text: string | null, usual: number, min: number, max: number): number {
  if (text === null) return usual;
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new ApiError(400, 'invalid_number', `"${text.slice(0, 20)}" must be a whole number from ${min} to ${max}.`);
  }
  return value;
}
