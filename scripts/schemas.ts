import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonSchemas } from '../agent/config/json-schema.ts';
import { isRunWithoutArguments } from './without-arguments.ts';

const USAGE = `usage: npm run schemas

Writes the JSON Schemas of the configuration files, which editors use and the package ships, to systemd/schema/.
`;

if (isRunWithoutArguments(USAGE)) {
  const folder = join(import.meta.dirname, '..', 'systemd', 'schema');
  await mkdir(folder, { recursive: true });
  for (const [name, schema] of Object.entries(jsonSchemas())) {
    await writeFile(join(folder, name), `${JSON.stringify(schema, null, 2)}\n`);
  }
}
