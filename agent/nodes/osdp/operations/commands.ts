import type { OsdpCommand } from '../bus/plan.ts';
import { COMMAND } from '../codec/codes.ts';

/** The commands that are sent only on request of a user of the hub (SIA OSDP 2.2, "Command codes"). */

/** A temporary setting begins at once, with its timer. */
const LED_TEMPORARY = 2;
const LED_PERMANENT_AS_IT_IS = 0;
/** Red: even a lamp of one colour shows it (compliance 1 of function 4 knows on and off only). */
const ON_COLOUR = 1;
const OFF_COLOUR = 0;
const TONE_DEFAULT = 2;
/** Times are in tenths of a second. */
const TENTHS = 10;
const BLINK_TENTHS = 3;
const BEEP_TENTHS = 2;
const PAUSE_TENTHS = 8;
const MAX_BEEPS = 255;

/** The first lamp of the first reader blinks for so many seconds, then shows what it showed before. */
export function blink(seconds: number): OsdpCommand {
  const tenths = seconds * TENTHS;
  const temporary = [LED_TEMPORARY, BLINK_TENTHS, BLINK_TENTHS, ON_COLOUR, OFF_COLOUR, tenths & 0xff, tenths >> 8];
  return { code: COMMAND.led, data: Buffer.from([0, 0, ...temporary, LED_PERMANENT_AS_IT_IS, 0, 0, 0, 0]) };
}

/** The buzzer of the first reader beeps once a second for so many seconds. */
export function beep(seconds: number): OsdpCommand {
  const times = Math.min(seconds, MAX_BEEPS);
  return { code: COMMAND.buzzer, data: Buffer.from([0, TONE_DEFAULT, BEEP_TENTHS, PAUSE_TENTHS, times]) };
}

/** Another address and rate, which the PD takes once it has answered with them. */
export function setCommunication(address: number, baudRate: number): OsdpCommand {
  const data = Buffer.alloc(5);
  data[0] = address;
  data.writeUInt32LE(baudRate, 1);
  return { code: COMMAND.communication, data };
}
