import { defineConfig } from 'vitest/config';

/**
 * The end of a test that hangs, milliseconds. It is no measurement: a machine that is ten times slower than ours, or busy with ten other
 * things, stays under it. What has to be quick is a figure, and figures belong in test/bench.
 */
const HANGS_MS = 600_000;
/** `expect.poll` and what a test waits for end before that, so that the failure names what did not come. */
const WAITED_MS = 240_000;

const project = (name: string) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    setupFiles: ['test/setup.ts'],
    testTimeout: HANGS_MS,
    hookTimeout: HANGS_MS,
    teardownTimeout: HANGS_MS,
    expect: { poll: { timeout: WAITED_MS } },
  },
});

export default defineConfig({
  test: {
    projects: [project('unit'), project('twins'), project('hil'), project('page')],
    pool: 'forks',
    // Most of a hardware-in-the-loop test is waiting for another process: a worker more than the two cores of the smallest machine pays.
    maxWorkers: 3,
    maxConcurrency: 8,
  },
});
