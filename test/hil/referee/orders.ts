import type { JsonObject, Request, Shadow } from './document.ts';

/** What the test orders the Shadow service to do. Writes are those of the cloud; faults last until they are used up or taken back. */
export type Order =
  | { do: 'update'; thing: string; state: Request['state'] & object }
  | { do: 'delete'; thing: string }
  /** Publishes the last delta again. */
  | { do: 'repeatDelta'; thing: string; times: number }
  /** Answers the next updates of devices with this code. */
  | { do: 'fail'; code: number; times: number }
  /** Takes requests, does nothing, and says nothing: also a policy without `iot:Receive` looks so. */
  | { do: 'silent'; on: boolean }
  /** Does what the next requests ask, and does not answer. */
  | { do: 'loseAnswers'; times: number }
  | { do: 'loseDeltas'; times: number };

/** What the Shadow service tells the test. */
export type Told =
  | { kind: 'ready' }
  | { kind: 'request'; thing: string; operation: string }
  | { kind: 'changed'; thing: string; shadow: Shadow }
  | { kind: 'done'; order: Order['do'] };

export type Reported = JsonObject;
