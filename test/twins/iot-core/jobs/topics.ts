import type { JobsRequestTopic } from './requests.ts';

const REQUEST = /^\$aws\/things\/([^/]+)\/jobs\/(?:(get|start-next)|([^/]+)\/(get|update))$/;

/** A request topic of the Jobs service, or null (AWS IoT developer guide, "Jobs device MQTT API operations"). */
export function parseJobsRequestTopic(topic: string): JobsRequestTopic | null {
  const match = REQUEST.exec(topic);
  if (!match) return null;
  const [, thingName, forAll, jobId, forOne] = match;
  if (forAll) return { thingName: thingName!, jobId: null, operation: forAll === 'get' ? 'list' : 'start-next' };
  return { thingName: thingName!, jobId: jobId!, operation: forOne === 'get' ? 'describe' : 'update' };
}

/** The topic of a request; its answers come on `/accepted` and `/rejected` below it. */
export function jobsRequestTopic({ thingName, jobId, operation }: JobsRequestTopic): string {
  const prefix = `$aws/things/${thingName}/jobs`;
  if (operation === 'list') return `${prefix}/get`;
  if (operation === 'start-next') return `${prefix}/start-next`;
  return `${prefix}/${jobId}/${operation === 'describe' ? 'get' : 'update'}`;
}
