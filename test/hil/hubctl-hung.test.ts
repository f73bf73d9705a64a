import { expect, test } from 'vitest';
import { createFakeTerminal } from '../unit/hubctl/fake-terminal.ts';
import { runHubctl } from './rig/hubctl.ts';
import { ONE_PERIPHERAL, startOnline, untilScanned } from './rig/start.ts';

test('beside an agent that hangs, each screen says that it does not answer, and claims no more than is known', async () => {
  await using world = await startOnline(ONE_PERIPHERAL);
  const { rig, agent } = world;
  await untilScanned(rig);
  agent.pause();
  const run = async (line: string) => {
    const { terminal } = await runHubctl(rig, line, createFakeTerminal({ columns: 200 }));
    return [...terminal.output, ...terminal.errors].join('\n');
  };
  const [status, json, ping, nodes] = await Promise.all(['status', 'status --json', 'cloud ping', 'nodes'].map(run));
  agent.resume();

  expect(status).toMatch(/NO ANSWER$/m);
  expect(status).not.toContain('NO AGENT');
  expect(status).toMatch(/does not answer within .* Give it a minute: its watchdog ends it by itself/);
  expect(JSON.parse(json!)).toMatchObject({ agent: null, problemCode: 'agent_hung', remedy: expect.stringContaining('watchdog') });

  expect(ping).toMatch(/^TLS +[\d.]+ ms/m);
  expect(ping).toContain('The cloud was reached (DNS, TCP, TLS). Whether it takes a session of this hub was not tried.');
  expect(ping).not.toContain('not reached');
  expect(ping).toContain('The agent does not answer');

  expect(nodes).not.toContain('silent');
});

test('without an agent the heading says that there is none', async () => {
  await using world = await startOnline();
  await world.agent.stop();
  expect((await runHubctl(world.rig, 'status')).terminal.text()).toMatch(/NO AGENT$/m);
});
