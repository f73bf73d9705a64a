import { LIFE } from './life.ts';
import { MATRIX } from './matrix.ts';
import type { Scenario } from './scenario.ts';

/** All of them, in the order in which one hub goes through them. */
export const SCENARIOS: readonly Scenario[] = [...LIFE, ...MATRIX];
