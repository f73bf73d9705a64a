import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hubctl } from '../../../agent/hubctl/cli/hubctl.ts';
import { openTcp } from '../../../agent/hubctl/connectivity/net.ts';
import { createMonotonicClock } from '../../../agent/system/clock.ts';
import { canListen } from '../../support/privileges.ts';
import { bareMachine } from '../../unit/hubctl/bare-machine.ts';
import { createFakeTerminal } from '../../unit/hubctl/fake-terminal.ts';
import { placesOf } from '../rig/hubctl.ts';
import { createRig } from '../rig/rig.ts';
import { examine } from './examine.ts';
import { blackHole } from './servers.ts';

/** An address of its own on the loopback: nobody else listens there. */
const OWN_ADDRESS = `127.83.${process.pid & 0xff}.${1 + (Date.now() % 250)}`;
const LISTENS = await canListen(443, OWN_ADDRESS);

describe.concurrent('the doctor finds', () => {
  test.runIf(LISTENS)('8883 blocked while 443 is open', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(443, OWN_ADDRESS, resolve));
    try {
      await using rig = await createRig({ config: { cloud: { endpoint: OWN_ADDRESS, port: 8883 } } });
      const [result] = await examine(rig, 'port');
      expect(result).toMatchObject({ status: 'warn', finding: expect.stringMatching(/8883; port 443 is open, the agent uses it/) });
      expect(result!.remedy).not.toBeNull();
    } finally {
      server.close();
    }
  });

  // How long a person waits is a figure: npm run bench -- hubctl.
  test('a port that a firewall drops, also while the agent hangs', async () => {
    await using hole = await blackHole();
    await using rig = await createRig({ config: { cloud: { port: hole.port } } });
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(join(rig.folder, 'control.sock'), resolve));
    const terminal = createFakeTerminal();
    const argv = ['cloud', 'ping', '--json', ...placesOf(rig)];
    const [[result], code] = await Promise.all([examine(rig, 'port'), hubctl(argv, terminal, bareMachine(rig.folder))]);
    expect(result).toMatchObject({ status: 'fail', finding: expect.stringMatching(/does not answer on port \d+: a firewall/) });
    expect(result!.remedy).toContain(`Open outgoing TCP ${hole.port}`);
    expect(code).toBe(75);
    expect(terminal.json()).toMatchObject({ tcp: { ok: false }, agentProblem: expect.stringContaining('does not answer within') });
    server.close();
  });

  test('the address that answers, when the first one of the name does not', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const opened = await openTcp(createMonotonicClock(), ['127.0.0.2', '127.0.0.1'], port);
    expect(opened).toMatchObject({ ok: true });
    if (opened.ok) opened.value.destroy();
    expect(await openTcp(createMonotonicClock(), ['127.0.0.2', '127.0.0.3'], port)).toMatchObject({ ok: false, code: 'ECONNREFUSED' });
    server.close();
  });

  test.each([
    ['before', ['127.0.0.1', '127.0.0.2']],
    ['after', ['127.0.0.2', '127.0.0.1']],
  ])('a refusal, though another address of the name is silent, asked %s it', async (_what, addresses) => {
    await using hole = await blackHole();
    expect(await openTcp(createMonotonicClock(), addresses, hole.port)).toMatchObject({ ok: false, code: 'ECONNREFUSED' });
  });
});
