/** The hub's own topics (contract, "Presence" and "Reported"). AWS allows 7 slashes in a topic; all of these stay below. */
export interface Topics {
  /** Birth and will, retained. */
  presence: string;
  /** Where the complete result of a command goes, in pages. */
  commandResult(id: string): string;
  /** AWS IoT Commands: requests in, one topic level is the execution's id. */
  executionRequests: string;
  /** AWS IoT Commands: the state of an execution out. */
  executionResponse(id: string): string;
  /** The execution's id when the topic is a request of this Thing, else null. */
  executionIdOf(topic: string): string | null;
}

/** The topics of one Thing. */
export function topicsOf(thingName: string): Topics {
  const executions = `$aws/commands/things/${thingName}/executions`;
  return {
    presence: `hubs/${thingName}/presence`,
    commandResult: (id) => `hubs/${thingName}/commands/${id}/result`,
    executionRequests: `${executions}/+/request/json`,
    executionResponse: (id) => `${executions}/${id}/response/json`,
    executionIdOf(topic) {
      if (!topic.startsWith(`${executions}/`) || !topic.endsWith('/request/json')) return null;
      const id = topic.slice(executions.length + 1, -'/request/json'.length);
      return id === '' || id.includes('/') ? null : id;
    },
  };
}
