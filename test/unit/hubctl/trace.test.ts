import { expect, test } from 'vitest';
import type { BusStatus } from '../../../agent/contract/node.ts';
import type { AgentClient } from '../../../agent/hubctl/cli/client.ts';
import { type CommandContext, UsageError } from '../../../agent/hubctl/cli/command.ts';
import { busTraceCommand } from '../../../agent/hubctl/commands/trace.ts';
import { createFakeTerminal } from './fake-terminal.ts';
import { NODES } from './fixtures.ts';

const CONFIG = {
  buses: [
    { id: 'rs485', protocol: 'osdp', path: '/dev/ttyUSB0', addresses: [5, '20-22'] },
    { id: 'line', protocol: 'osdp', path: '/dev/ttyUSB1' },
    { id: 'zigbee', protocol: 'zigbee', path: '/dev/ttyUSB2', adapter: 'ember' },
  ],
};
const UP: BusStatus = { id: 'rs485', protocol: 'osdp', state: 'up' };

/** Runs the command against a bus on which nothing happens, until Ctrl-C. */
async function trace(bus: string, address: string | undefined, status: BusStatus = UP, config: object = CONFIG) {
  const terminal = createFakeTerminal({ columns: 400 });
  const seen: string[] = [];
  const client = {
    get: async () => ({ ...NODES, buses: [{ ...status, id: bus }] }),
    lines: async () => {
      seen.push(...terminal.errors);
      terminal.interrupt();
    },
  } as unknown as AgentClient;
  const context = { client, terminal, json: false, places: { config }, words: [bus], options: { address } };
  return { code: await busTraceCommand.run(context as unknown as CommandContext), seen };
}

test.each([
  ['zigbee', '65536', /whole number/],
  ['unknown', '-1', /whole number/],
  ['rs485', '5.5', /whole number/],
])('%s --address %s is refused', async (bus, address, message) => {
  const refused = trace(bus, address);
  await expect(refused).rejects.toThrow(message);
  await expect(refused).rejects.toBeInstanceOf(UsageError);
});

test.each([
  ['rs485', '200', /Address 200 is not among .* 5, 20-22\./],
  ['rs485', '6', /Address 6 is not among/],
  ['line', '127', /Address 127 .* 0-126\./],
])('%s --address %s: agent.json has other addresses, which is said at once', async (bus, address, message) => {
  const { code, seen } = await trace(bus, address);
  expect(code).toBe(130);
  expect(seen[0]).toMatch(message);
});

test.each([
  ['rs485', '21'],
  ['line', '126'],
  ['zigbee', '65535'],
  ['unknown', '7'],
])('%s --address %s is taken', async (bus, address) => {
  const { code, seen } = await trace(bus, address);
  expect(code).toBe(130);
  expect(seen.join()).not.toContain('is not among');
});

test('a configuration that is wrong stands in the way of nothing', async () => {
  expect(await trace('rs485', '7', UP, { buses: [{ id: 'rs485', addresses: 'x' }] })).toMatchObject({ code: 130 });
});

test('before the first frame it says what it waits for, and that a bus is not up', async () => {
  expect((await trace('rs485', '5')).seen).toEqual([expect.stringMatching(/Waiting for frames of rs485 with address 5; .*Ctrl-C/)]);
  const error = { code: 'bus_unavailable' as const, message: '/dev/x does not exist: is the adapter plugged in?' };
  expect((await trace('rs485', undefined, { ...UP, state: 'unavailable', error })).seen).toEqual([
    expect.stringMatching(/The bus is unavailable: \/dev\/x does not exist: is the adapter plugged in\? Waiting until it is up/),
  ]);
  expect((await trace('rs485', undefined, { ...UP, state: 'starting' })).seen).toEqual([expect.stringContaining('The bus is starting. ')]);
});
