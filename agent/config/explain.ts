import type * as z from 'zod';
import { INTERPRETED } from '../system/parse-options.ts';
import { agentSchema } from './agent-schema.ts';
import { identitySchema } from './identity-schema.ts';
import { explainIssues } from './issues.ts';
import type { ConfigProblem } from './problems.ts';
import type { AgentDocument } from './rules.ts';

/** The configuration files by their zod schema, which has more than its JSON Schema: the meaning of each field, and what its writer may have meant. */
const SCHEMAS = { agent: agentSchema, identity: identitySchema } satisfies Record<string, z.ZodType>;

/** Validates a document that the quick check refused: its value after all, or each problem in words. */
export function explain(kind: keyof typeof SCHEMAS, json: unknown): { value: unknown; problems: Omit<ConfigProblem, 'file'>[] } {
  const schema: z.ZodType = SCHEMAS[kind];
  const result = schema.safeParse(json, INTERPRETED);
  if (result.success) return { value: result.data, problems: [] };
  return { value: null, problems: explainIssues(result.error, schema, json) };
}

/** Those sections of an `agent.json` that are right by themselves, when it is not as a whole. */
export function soundSections(json: unknown): Partial<AgentDocument> {
  const sections = Object.entries(agentSchema.shape).flatMap(([name, schema]) => {
    const result = schema.safeParse((json as Record<string, unknown> | null | undefined)?.[name], INTERPRETED);
    return result.success ? [[name, result.data]] : [];
  });
  return Object.fromEntries(sections) as Partial<AgentDocument>;
}
