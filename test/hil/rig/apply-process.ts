import { createHubctlPorts } from '../../../agent/compose/hubctl-ports.ts';
import { hubctl } from '../../../agent/hubctl/cli/hubctl.ts';
import { createFakeTerminal } from '../../unit/hubctl/fake-terminal.ts';

/**
 * `hubctl update apply` as a process of its own, for a hub whose releases lie below a test's folder: `apply-process.ts ROOT CONFIG FILE`. It says
 * `ready`, begins when its input ends, and prints the exit code and what hubctl said, as JSON.
 */
const [root, config, file] = process.argv.slice(2) as [string, string, string];
const terminal = createFakeTerminal();
const ports = { ...createHubctlPorts({ isRoot: true }), releaseRoot: root, becomeOwner: async () => {} };
process.stdout.write('ready\n');
process.stdin.resume();
process.stdin.once('end', async () => {
  const code = await hubctl(['update', 'apply', file, '--config', config], terminal, ports);
  process.stdout.write(`${JSON.stringify({ code, text: [...terminal.output, ...terminal.errors].join('\n') })}\n`, () => process.exit(0));
});
