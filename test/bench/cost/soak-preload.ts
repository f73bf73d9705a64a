import { getEventListeners } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';

/**
 * Loaded into the agent's process before its own code (`NODE_OPTIONS=--import`): writes what only the process itself can count into the file that this
 * variable names, every second: the heap after a collection, timers, other handles, and who listens to abort signals and to the process.
 */
const FILE = process.env.HUB_SOAK_FILE;
const INTERVAL_MS = 1_000;

if (FILE !== undefined) {
  const Original = globalThis.AbortController;
  const signals = new Set<WeakRef<AbortSignal>>();
  globalThis.AbortController = class extends Original {
    constructor() {
      super();
      signals.add(new WeakRef(this.signal));
    }
  };
  const count = () => {
    (globalThis as { gc?: () => void }).gc?.();
    const resources = process.getActiveResourcesInfo();
    const timers = resources.filter((kind) => kind === 'Timeout' || kind === 'Immediate').length;
    let listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
    for (const reference of signals) {
      const signal = reference.deref();
      if (signal) listeners += getEventListeners(signal, 'abort').length;
      else signals.delete(reference);
    }
    const figures = { heapMB: process.memoryUsage().heapUsed / 1024 / 1024, timers, handles: resources.length - timers, listeners };
    // The bench reads it at any time.
    writeFileSync(`${FILE}.new`, JSON.stringify(figures));
    renameSync(`${FILE}.new`, FILE);
  };
  setInterval(count, INTERVAL_MS).unref();
}
