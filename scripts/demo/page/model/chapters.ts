import { BUS_CHAPTERS } from './chapters/bus.ts';
import type { Chapter } from './chapters/chapter.ts';
import { CLOUD_CHAPTERS } from './chapters/cloud.ts';
import { HUB_CHAPTERS } from './chapters/hub.ts';
import { MACHINE_CHAPTERS } from './chapters/machine.ts';

/** What is told of each fault, in the order in which it usually happens. */
export const CHAPTERS: Readonly<Record<string, readonly Chapter[]>> = {
  ...BUS_CHAPTERS,
  ...HUB_CHAPTERS,
  ...MACHINE_CHAPTERS,
  ...CLOUD_CHAPTERS,
};
