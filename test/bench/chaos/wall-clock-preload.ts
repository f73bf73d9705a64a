import { readFileSync } from 'node:fs';

/**
 * Loaded into the agent's process before its own code (`NODE_OPTIONS=--import`), as a faketime for one process: moves the wall clock by the
 * milliseconds in the file that this variable names. The monotonic clock stays.
 */
const OFFSET_FILE = process.env.HUB_CHAOS_CLOCK;
const LOOK_MS = 100;

if (OFFSET_FILE !== undefined) {
  const RealDate = Date;
  let offsetMs = 0;
  const look = () => {
    try {
      offsetMs = Number(readFileSync(OFFSET_FILE, 'utf8')) || 0;
    } catch {
      offsetMs = 0;
    }
  };
  look();
  setInterval(look, LOOK_MS).unref();
  const now = () => RealDate.now() + offsetMs;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: (target) => new target(now()).toString(),
    get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
  });
}
