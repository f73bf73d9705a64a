import { covers, matches } from './topics.ts';

/** Topics a Thing may publish to. Answers of AWS's own services (`…/accepted`, `…/delta`) are not among them. */
function publishPatterns(thingName: string): string[] {
  const shadow = `$aws/things/${thingName}/shadow`;
  const operations = ['get', 'update', 'delete'];
  return [
    ...operations.map((operation) => `${shadow}/${operation}`),
    ...operations.map((operation) => `${shadow}/name/+/${operation}`),
    `$aws/commands/things/${thingName}/executions/+/response/json`,
    `$aws/things/${thingName}/jobs/start-next`,
    `$aws/things/${thingName}/jobs/+/get`,
    `$aws/things/${thingName}/jobs/+/update`,
    `hubs/${thingName}/#`,
  ];
}

function subscribePatterns(thingName: string): string[] {
  return [
    `$aws/things/${thingName}/shadow/#`,
    `$aws/things/${thingName}/jobs/#`,
    `$aws/commands/things/${thingName}/executions/#`,
    `hubs/${thingName}/#`,
  ];
}

/** A Thing of this name looks on at another: it may subscribe to what that one may, and publishes nothing. For people who debug a hub. */
const OBSERVER = 'observer-';

/** The name of the Thing that looks on at this one. */
export const observerOf = (thingName: string) => OBSERVER + thingName;

/**
 * The IoT policy of a hub, as the account attaches it to each certificate: its own shadow, its own command executions and jobs, and its own
 * `hubs/<thing>/` topics. `resource` is a topic name for a publish and a filter (without `$share`) for a subscribe.
 */
export function isAllowed(thingName: string, action: 'publish' | 'subscribe', resource: string): boolean {
  if (thingName.startsWith(OBSERVER)) {
    return action === 'subscribe' && isAllowed(thingName.slice(OBSERVER.length), 'subscribe', resource);
  }
  if (action === 'publish') return publishPatterns(thingName).some((pattern) => matches(pattern, resource));
  return subscribePatterns(thingName).some((pattern) => covers(pattern, resource));
}
