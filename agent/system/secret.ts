import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * A text that must not be printed (Wi-Fi password, OSDP or Zigbee key). Every way of turning it into text by accident
 * (template, JSON, `inspect`, logger) yields `[redacted]`; only `reveal()` gives the text.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The text itself. Call it at the last moment, and keep the result in no object that outlives the call. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
