import type { IotCore } from '../../../test/twins/iot-core/types.ts';
import type { OsdpLine } from '../../../test/twins/osdp-line/index.ts';
import type { Fault } from './faults/fault.ts';
import type { CallInfo } from './model/catalogue.ts';
import type { EventBody } from './model/events.ts';
import type { HubQuestions } from './taps/hub.ts';

/** What the page stands on: a hub with its cloud, and what can be done to both. What a rig lacks is not on its page. */
export interface PageRig {
  readonly hubId: string;
  readonly iotCore: IotCore;
  /** The public API, and a key of it. */
  readonly api: { readonly url: string; readonly key: string };
  /** Texts that the page must not show. */
  readonly secrets: readonly string[];
  readonly calls: readonly CallInfo[];
  /** Null: no serial line, and so no OSDP on the page. */
  readonly line: OsdpLine | null;
  readonly questions: HubQuestions;
  /** The faults that it offers. `emit` tells what else happens with one. */
  faults(emit: (body: EventBody) => void): readonly Fault[];
}
