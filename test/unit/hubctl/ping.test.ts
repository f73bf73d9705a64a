import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hubctl } from '../../../agent/hubctl/cli/hubctl.ts';
import { bareMachine } from './bare-machine.ts';
import { createFakeTerminal } from './fake-terminal.ts';

test('a cloud that is not reached is told with the step that failed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hub-ping-'));
  try {
    const config = join(folder, 'agent.json');
    // Port 1 of this machine: nobody listens there.
    const cloud = { endpoint: '127.0.0.1', port: 1, fallbackPort: null };
    await writeFile(config, JSON.stringify({ cloud, local: { socketPath: 'no.sock' } }));
    const terminal = createFakeTerminal();
    await hubctl(['cloud', 'ping', '--config', config, '--identity', join(folder, 'identity.json')], terminal, bareMachine(folder));
    expect(terminal.text()).toMatch(/^DNS +\d/m);
    expect(terminal.output.at(-1)).toBe('The cloud was not reached: TCP failed.');
  } finally {
    await rm(folder, { recursive: true });
  }
});
