import type { FieldProblem } from '../system/errors.ts';
import { argsObject, invalidArgs } from './args.ts';

/** Validated args of `get_nodes`. */
export interface GetNodesArgs {
  /** Waits for a full scan pass. */
  refresh: boolean;
  /** Absent: all buses. */
  bus?: string;
}

/** The longest bus id that a configuration can give. */
const MAX_BUS_LENGTH = 32;

/**
 * Checks the args of `get_nodes`; `null` counts as absent, args that are not known are ignored. Whether the bus exists is the node table's to say.
 * @throws HubError `invalid_args` with a detail for each field.
 */
export function parseGetNodesArgs(args: unknown): GetNodesArgs {
  const { refresh, bus } = argsObject(args);
  const problems: FieldProblem[] = [];
  if (refresh != null && typeof refresh !== 'boolean') problems.push({ field: 'refresh', message: 'must be true or false' });
  if (bus != null && (typeof bus !== 'string' || bus === '' || bus.length > MAX_BUS_LENGTH)) {
    problems.push({ field: 'bus', message: `must be a bus id of 1 to ${MAX_BUS_LENGTH} characters` });
  }
  if (problems.length > 0) throw invalidArgs(problems);
  return { refresh: refresh === true, ...(typeof bus === 'string' && { bus }) };
}
