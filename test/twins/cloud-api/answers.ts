import type { FieldProblem } from '../../../agent/system/errors.ts';

/** What goes back to the caller: an HTTP status, a JSON body (null: none) and headers beyond the usual ones. */
export interface Answer {
  status: number;
  body: object | null;
  headers?: Record<string, string>;
}

/** Error names and messages. 400, 401, 404 and 502 are the API pages' own texts, letter by letter. */
const ERROR_TEXTS: Record<number, { error: string; message: string }> = {
  400: { error: 'Bad Request', message: 'The request contains invalid parameters or malformed data' },
  401: { error: 'Unauthorized', message: 'Authentication required. Please provide a valid API token' },
  403: { error: 'Forbidden', message: 'You do not have permission to perform this action' },
  404: { error: 'Not Found', message: 'The requested resource was not found' },
  405: { error: 'Method Not Allowed', message: 'The requested resource does not support this method' },
  413: { error: 'Payload Too Large', message: 'The request body is too large' },
  415: { error: 'Unsupported Media Type', message: 'The request body must be application/json' },
  429: { error: 'Too Many Requests', message: 'Too many requests. Please try again later' },
  500: { error: 'Internal Server Error', message: 'An unexpected error occurred' },
  502: { error: 'Error', message: 'Hub offline — the hub is not currently connected to the network.' },
  503: { error: 'Service Unavailable', message: 'The service is temporarily unavailable. Please try again later' },
};

/** An error answer in the API's shape. */
export function failure(status: number, details: readonly FieldProblem[] = [], headers?: Record<string, string>): Answer {
  const texts = ERROR_TEXTS[status] ?? { error: 'Error', message: 'An unexpected error occurred' };
  const body = { success: false, ...texts, code: status, ...(details.length > 0 && { details }) };
  return headers ? { status, body, headers } : { status, body };
}

/** The Shadow service did not take what was to be written: 502 whatever its reason, which the message names. */
export function shadowWriteFailed(reason: string): Answer {
  const message = `The hub's device shadow could not be written: ${reason}`;
  return { status: 502, body: { success: false, error: 'Error', message, code: 502 } };
}

/** A 400 that names one field. */
export function invalid(field: string, message: string): Answer {
  return failure(400, [{ field, message }]);
}
