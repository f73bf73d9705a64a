import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { OsdpBusConfig } from '../../../agent/config/config.ts';
import { jsonSchemas } from '../../../agent/config/json-schema.ts';
import { authority, load, pair } from './rig.ts';

const systemd = join(import.meta.dirname, '../../../systemd');

test.each(Object.entries(jsonSchemas()))('the committed %s is what the code says (npm run schemas writes it)', async (name, schema) => {
  const committed = await readFile(join(systemd, 'schema', name), 'utf8');
  expect(committed).toBe(`${JSON.stringify(schema, null, 2)}\n`);
});

test('the example configuration loads', async () => {
  const example = (name: string) => readFile(join(systemd, 'example', name), 'utf8');
  const config = await load({
    env: { CREDENTIALS_DIRECTORY: '/run/credentials/hub-agent.service' },
    files: {
      'identity.json': await example('identity.json'),
      'agent.json': await example('agent.json'),
      '/run/credentials/hub-agent.service/certificate.pem': pair.certificate,
      '/run/credentials/hub-agent.service/private-key.pem': pair.privateKey,
      'amazon-root-ca.pem': authority,
    },
  });
  expect(config.identity.privateKeyPath).toBe('/run/credentials/hub-agent.service/private-key.pem');
  expect((config.buses[0] as OsdpBusConfig).addresses).toHaveLength(33);
});
