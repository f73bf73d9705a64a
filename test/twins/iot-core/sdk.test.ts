import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { type Harness, startHarness } from './harness.ts';
import type { ProbeInput } from './sdk-probe.ts';

let harness: Harness;
afterEach(() => harness.stop());

test("AWS's own client, shadow client and jobs client work against it", async ({ signal }) => {
  harness = await startHarness(['hub-1']);
  const { host, port } = harness.core;
  harness.core.jobs.create({ jobId: 'j1', thingName: 'hub-1', document: { operation: 'update_agent' } });
  const input: ProbeInput = { host, port, thingName: 'hub-1', ...harness.credentialsOf('hub-1'), caCertificate: harness.pki.caCertificate };
  const program = fileURLToPath(new URL('./sdk-probe.ts', import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: 'pipe', signal });
  child.stdin.end(JSON.stringify(input));
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  expect(errors).toBe('');
  expect(code).toBe(0);
  expect(JSON.parse(output)).toEqual({
    serverKeepAlive: 30,
    maximumQos: 1,
    getWithoutShadow: 404,
    updatedVersion: 1,
    staleUpdate: 409,
    deltaState: { command: 'get_nodes', args: {} },
    ownMessage: 'online',
    retained: true,
    jobs: {
      waiting: 'QUEUED',
      taken: { status: 'IN_PROGRESS', versionNumber: 2, jobDocument: { operation: 'update_agent' } },
      stale: { code: 'VersionMismatch', versionNumber: 2 },
      done: { status: 'SUCCEEDED', statusDetails: {}, versionNumber: 3 },
      left: false,
    },
  });
  await harness.event(({ kind, reason }) => kind === 'disconnected' && reason === 'CLIENT_INITIATED_DISCONNECT');
  expect(harness.events.filter(({ kind }) => kind === 'limit')).toEqual([]);
});
