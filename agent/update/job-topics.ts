/** A message of the Jobs service about this Thing. */
export type JobsTopic =
  | { kind: 'changed' }
  /** Of `start-next`, of one job's `get` (`jobId` may be `$next`), or of its `update`. */
  | { kind: 'answer'; accepted: boolean };

/** The topics of the Jobs service for one Thing (AWS IoT developer guide, "Jobs device MQTT API operations"). */
export interface JobsTopics {
  filter: string;
  startNext: string;
  describe(jobId: string): string;
  update(jobId: string): string;
  /** Null: not of the Jobs service, or nothing that is listened for. */
  parse(topic: string): JobsTopic | null;
}

const ANSWER = /^(?:start-next|[^/]+\/(?:get|update))\/(accepted|rejected)$/;

/** @param thingName the Thing's name */
export function jobsTopicsOf(thingName: string): JobsTopics {
  const prefix = `$aws/things/${thingName}/jobs/`;
  return {
    filter: `${prefix}#`,
    startNext: `${prefix}start-next`,
    describe: (jobId) => `${prefix}${jobId}/get`,
    update: (jobId) => `${prefix}${jobId}/update`,
    parse(topic) {
      if (!topic.startsWith(prefix)) return null;
      const rest = topic.slice(prefix.length);
      // Both come with one change, and say the same.
      if (rest === 'notify-next') return { kind: 'changed' };
      const match = ANSWER.exec(rest);
      return match ? { kind: 'answer', accepted: match[1] === 'accepted' } : null;
    },
  };
}
