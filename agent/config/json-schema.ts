import * as z from 'zod';
import { agentSchema } from './agent-schema.ts';
import { identitySchema } from './identity-schema.ts';

/** JSON Schemas (draft 2020-12) of the files that people write, by file name, for editors. */
export function jsonSchemas(): Record<string, object> {
  return {
    'agent.schema.json': { title: 'agent.json', ...z.toJSONSchema(agentSchema, { io: 'input' }) },
    'identity.schema.json': { title: 'identity.json', ...z.toJSONSchema(identitySchema, { io: 'input' }) },
  };
}
