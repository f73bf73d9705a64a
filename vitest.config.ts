import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 10_000 } },
      { test: { name: 'twins', include: ['test/twins/**/*.test.ts'], testTimeout: 20_000 } },
      { test: { name: 'hil', include: ['test/hil/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 } },
    ],
    pool: 'forks',
    // Most of a hardware-in-the-loop test is waiting for another process: a worker more than the two cores of the smallest machine pays.
    maxWorkers: 3,
    maxConcurrency: 8,
  },
});
