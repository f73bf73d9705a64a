import { type DestinationStream, type Logger, pino } from 'pino';

/** What parts log to: one JSON line an event, `event` a stable snake_case name, the message for people. */
export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'> & {
  child(bindings: Record<string, unknown>): Log;
};

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Where a secret could stand in a logged object; `Secret` redacts itself, this is the second fence. */
const REDACTED_KEYS = ['credentials', 'password', 'psk', 'networkKey', 'scbk', 'privateKey'];
const REDACTED_PATHS = REDACTED_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);

/** The process's logger. `destination` defaults to standard output, which the journal takes. */
export function createLog(level: LogLevel, destination?: DestinationStream): Log & { level: string } {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
  };
  return destination ? pino(options, destination) : pino(options);
}
