import type { CloudFacts } from '../../contract/cloud.ts';

/** The Shadow service answers in well under a second, and a first report takes two: this long without a confirmation is a fault. */
const SILENT_MS = 10_000;

/** What is wrong when the cloud's picture of the hub is not confirmed, and what to do. */
export interface ShadowSilence {
  /** Whole seconds since the cloud lacks something. */
  seconds: number;
  /** A sentence without a capital or a full stop. */
  finding: string;
  remedy: string;
}

const POLICY =
  "Look at the Thing's policy first: iot:Receive and iot:Subscribe on $aws/things/THING/shadow/get/* and …/update/*, iot:Publish on …/get and …/update.";

const REMEDIES: Readonly<Record<string, { what: string; remedy: string }>> = {
  shadow_too_large: {
    what: 'the shadow is full (8 KB)',
    remedy: "Remove what other writers keep in the Thing's shadow: aws iot-data get-thing-shadow --thing-name THING shadow.json",
  },
  shadow_throttled: { what: 'the Shadow service throttles the hub', remedy: 'Find out who else writes this shadow, and how often.' },
  cloud_refused: { what: 'the Shadow service refuses the hub', remedy: POLICY },
};

/** Null while the Shadow service confirms what the hub reports, without a session, and for an agent that does not say. */
export function shadowSilence({ phase, shadow }: CloudFacts): ShadowSilence | null {
  if (phase !== 'connected' || !shadow || shadow.unconfirmedMs === null || shadow.unconfirmedMs < SILENT_MS) return null;
  const known = REMEDIES[shadow.lastFailure ?? ''];
  const { what, remedy } = known ?? { what: 'the Shadow service does not answer', remedy: POLICY };
  const seconds = Math.floor(shadow.unconfirmedMs / 1000);
  return { seconds, finding: `${what}: the cloud has not confirmed the state of this hub for ${seconds} s`, remedy };
}
