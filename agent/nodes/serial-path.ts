import type { BusFailure } from '../contract/node.ts';
import type { Paths } from '../system/paths.ts';
import { portProblem } from './osdp/port/port-problem.ts';

/** Why the file system would not let a serial port be opened, with the remedy; null: nothing stands against it. Never throws. */
export async function serialPathProblem(
  paths: Pick<Paths, 'denial'>,
  path: string,
): Promise<{ reason: BusFailure; message: string } | null> {
  const code = await paths.denial(path, 'read_write');
  return code === null ? null : portProblem(path, code, code);
}
