const SHARE_PREFIX = '$share/';

/** A topic name without wildcards, as a PUBLISH may carry it (MQTT 5, 4.7). */
export function isTopicName(topic: string): boolean {
  return topic.length > 0 && !/[+#\0]/.test(topic);
}

/** A topic filter: `#` alone in the last level, `+` alone in its level (MQTT 5, 4.7.1). */
export function isTopicFilter(filter: string): boolean {
  if (filter.length === 0 || filter.includes('\0')) return false;
  const levels = filter.split('/');
  return levels.every((level, index) => {
    if (level.includes('#')) return level === '#' && index === levels.length - 1;
    return !level.includes('+') || level === '+';
  });
}

export function slashes(topic: string): number {
  return topic.split('/').length - 1;
}

/** Whether a topic name matches a filter; a leading wildcard does not match topics that start with `$` (MQTT 5, 4.7.2). */
export function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && !filter.startsWith('$')) return false;
  const wanted = filter.split('/');
  const given = topic.split('/');
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true;
    if (index >= given.length) return false;
    if (level !== '+' && level !== given[index]) return false;
  }
  return wanted.length === given.length;
}

/** Whether everything that `filter` matches is matched by `pattern` too. */
export function covers(pattern: string, filter: string): boolean {
  const allowed = pattern.split('/');
  const asked = filter.split('/');
  for (const [index, level] of allowed.entries()) {
    if (level === '#') return true;
    const other = asked[index];
    if (other === undefined || other === '#') return false;
    if (level !== '+' && level !== other) return false;
  }
  return allowed.length === asked.length;
}

/** `$share/<group>/<filter>` taken apart; `group` is null for an ordinary filter. Null when the form is wrong. */
export function parseSharedFilter(filter: string): { group: string | null; filter: string } | null {
  if (!filter.startsWith(SHARE_PREFIX)) return { group: null, filter };
  const rest = filter.slice(SHARE_PREFIX.length);
  const slash = rest.indexOf('/');
  const group = rest.slice(0, slash);
  if (slash < 1 || /[+#]/.test(group) || rest.length === slash + 1) return null;
  return { group, filter: rest.slice(slash + 1) };
}

export type ShadowOperation = 'get' | 'update' | 'delete';

export interface ShadowTopic {
  thingName: string;
  /** Null: the classic shadow. */
  shadowName: string | null;
  operation: ShadowOperation;
}

const SHADOW_REQUEST = /^\$aws\/things\/([^/]+)\/shadow\/(?:name\/([^/]+)\/)?(get|update|delete)$/;

/** A request topic of the Shadow service, or null (AWS IoT developer guide, "Device Shadow MQTT topics"). */
export function parseShadowRequestTopic(topic: string): ShadowTopic | null {
  const match = SHADOW_REQUEST.exec(topic);
  if (!match) return null;
  return { thingName: match[1]!, shadowName: match[2] ?? null, operation: match[3] as ShadowOperation };
}

/** The topic below which a shadow's requests and answers live. */
export function shadowTopicPrefix(thingName: string, shadowName: string | null): string {
  return `$aws/things/${thingName}/shadow${shadowName === null ? '' : `/name/${shadowName}`}`;
}

const EXECUTION_RESPONSE = /^\$aws\/commands\/things\/([^/]+)\/executions\/([^/]+)\/response\/json$/;

/** A device's answer to a command execution, or null (AWS IoT developer guide, "Commands topics"). */
export function parseExecutionResponseTopic(topic: string): { thingName: string; executionId: string } | null {
  const match = EXECUTION_RESPONSE.exec(topic);
  return match ? { thingName: match[1]!, executionId: match[2]! } : null;
}

export function executionTopicPrefix(thingName: string, executionId: string): string {
  return `$aws/commands/things/${thingName}/executions/${executionId}`;
}
