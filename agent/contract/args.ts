import { type FieldProblem, HubError } from '../system/errors.ts';

/** The args as an object of unknown values; absent args are an empty object. @throws HubError `invalid_args` for anything else. */
export function argsObject(args: unknown): Readonly<Record<string, unknown>> {
  if (args === undefined || args === null) return {};
  if (typeof args === 'object' && !Array.isArray(args)) return args as Record<string, unknown>;
  throw invalidArgs([{ field: 'args', message: 'must be an object' }]);
}

/** The answer to bad args, one detail for each field. Messages never quote a value: it may be a secret. */
export function invalidArgs(details: FieldProblem[]): HubError {
  const fields = details.map(({ field }) => field).join(', ');
  return new HubError('invalid_args', `Invalid args: ${fields}`, { details });
}
