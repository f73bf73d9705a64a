import manifest from '../../package.json' with { type: 'json' };

/** Set by the build; absent when the sources run directly. */
declare const __HUB_AGENT_BUILT_AT_MS__: number | undefined;

/** A clock before this date is surely wrong, even without a build. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

/** The agent's version. */
export const version: string = manifest.version;

/** When this agent was built, epoch milliseconds: a clock that shows an earlier time is not set. */
export const builtAtMs: number = typeof __HUB_AGENT_BUILT_AT_MS__ === 'number' ? __HUB_AGENT_BUILT_AT_MS__ : EARLIEST_MS;
