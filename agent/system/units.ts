/** Quantities as text, for people. */

/** `3 s`, `4 m`, `2 h 5 m`, `3 d 4 h`; a question mark for what is no number, as the distance to a time from outside may be. */
export function duration(seconds: number): string {
  if (Number.isNaN(seconds)) return '? s';
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} m`;
  return hours % 24 === 0 ? `${Math.floor(hours / 24)} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `512 B`, `1.5 MB`: decimal units, three digits at most. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** The permission bits of a mode as chmod(1) takes them: `0640`. */
export const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(4, '0');

/** The latest date that JavaScript has (ECMA-262, "Time Values and Time Range"), epoch milliseconds. */
export const MAX_TIME_MS = 8.64e15;

/** `2026-11-22 01:48:24 UTC`; question marks in the same places for what is no time, as a record from outside may hold. */
export function utc(epochMs: number): string {
  if (!(Math.abs(epochMs) <= MAX_TIME_MS)) return '????-??-?? ??:??:?? UTC';
  return `${new Date(epochMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
