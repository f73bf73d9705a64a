import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HubctlPorts } from '../../../../agent/hubctl/cli/command.ts';
import { EXIT } from '../../../../agent/hubctl/cli/exit-codes.ts';
import { COMMANDS, hubctl } from '../../../../agent/hubctl/cli/hubctl.ts';
import { CHECKS } from '../../../../agent/hubctl/doctor/doctor.ts';
import { CHECK_NAMES } from '../../../../agent/hubctl/doctor/names.ts';
import { widthOf } from '../../../../agent/hubctl/terminal/text.ts';
import { bareMachine } from '../bare-machine.ts';
import { createFakeTerminal } from '../fake-terminal.ts';
import { HEALTHY } from '../fixtures.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hubctl-'));
  await writeFile(join(folder, 'agent.json'), JSON.stringify({ local: { socketPath: 'no.sock' }, stateDirectory: 'state' }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(
  argv: string[],
  options: Parameters<typeof createFakeTerminal>[0] = {},
  changes: Partial<HubctlPorts> = {},
  terminal = createFakeTerminal(options),
) {
  const ports = { ...bareMachine(folder), ...changes };
  const places = ['--config', join(folder, 'agent.json'), '--identity', join(folder, 'identity.json')];
  const code = await hubctl([...argv, ...(argv.length > 0 && !argv.includes('--version') ? places : [])], terminal, ports);
  return { code, terminal };
}

describe.each(COMMANDS.map((command) => [command.name, command] as const))('%s', (name, command) => {
  test('has help with an example of itself', async () => {
    const { code, terminal } = await run([...name.split(' '), '--help']);
    expect(code).toBe(EXIT.ok);
    expect(terminal.text()).toContain(`usage: hubctl ${name}`);
    expect(command.example).toContain(`hubctl ${name}`);
    expect(terminal.text()).toContain(command.example);
  });

  test.each([60, 80, 100])('has help that fills %i columns and wraps once', async (columns) => {
    const { terminal } = await run([...name.split(' '), '--help'], { columns });
    const indentOf = (line: string) => line.length - line.trimStart().length;
    for (const [index, line] of terminal.output.entries()) {
      expect(widthOf(line), line).toBeLessThanOrEqual(columns);
      // A line that goes on beside a label: its first word had no room on the line above.
      const above = terminal.output[index - 1];
      const [word = ''] = line.trim().split(' ');
      if (above && indentOf(line) > 2) expect(widthOf(above) + 1 + widthOf(word), `${above}\n${line}`).toBeGreaterThan(columns);
    }
    const plain = terminal.output.join(' ').replace(/ +/g, ' ');
    for (const paragraph of command.details ?? []) expect(plain).toContain(paragraph.replace(/ +/g, ' '));
  });

  test('refuses an option that it does not have, and names it', async () => {
    const { code, terminal } = await run([...name.split(' '), '--frobnicate']);
    expect(code).toBe(EXIT.usage);
    expect(terminal.errors.join()).toContain('--frobnicate');
  });
});

test('the list of commands fits at 60 columns', async () => {
  const { terminal } = await run(['--help'], { columns: 60 });
  for (const line of terminal.output) expect(widthOf(line), line).toBeLessThanOrEqual(60);
});

test('the help lists every command and every exit code', async () => {
  const { code, terminal } = await run(['--help']);
  expect(code).toBe(EXIT.ok);
  for (const { name } of COMMANDS) expect(terminal.text()).toContain(`  ${name} `);
  for (const number of Object.values(EXIT)) expect(terminal.text()).toMatch(new RegExp(`^ +${number}  `, 'm'));
});

test('the list of check names is that of the checks', () => {
  expect(CHECKS.map(({ name }) => name)).toEqual(CHECK_NAMES);
});

test.each([
  [['frobnicate'], EXIT.usage],
  [['nodes', 'frobnicate'], EXIT.usage],
  [['wifi'], EXIT.usage],
  [['run'], EXIT.usage],
  [['run', 'set_wifi_credentials'], EXIT.usage],
  [['run', 'get_nodes', '--args', '{'], EXIT.usage],
  [['logs', '--lines', 'x'], EXIT.usage],
  [['loglevel', 'loud'], EXIT.usage],
  [['loglevel', 'debug', '--minutes', '0'], EXIT.usage],
  [['doctor', '--check', 'luck'], EXIT.usage],
  [['reset'], EXIT.usage],
  [['wifi', 'set', 'Home'], EXIT.usage],
  [['--version'], EXIT.ok],
  [[], EXIT.ok],
] as const)('%j ends with %i', async (argv, expected) => {
  expect((await run([...argv])).code).toBe(expected);
});

test.each([
  [['--socket', 'x.sock', 'help'], 'usage: hubctl <command>'],
  [['--socket', 'x.sock', 'help', 'wifi', 'set'], 'usage: hubctl wifi set'],
  [['--json', 'help', '--socket', 'x.sock', 'wifi set'], 'usage: hubctl wifi set'],
  [['help', 'update'], 'update history'],
] as const)('%j is help', async (argv, words) => {
  const { code, terminal } = await run([...argv]);
  expect(code).toBe(EXIT.ok);
  expect(terminal.text()).toContain(words);
});

test.each([
  [['statsu'], 'Did you mean "status"?'],
  [['confg', 'check'], 'Did you mean "config check"?'],
  [['nodes', 'shwo'], 'Did you mean "nodes show"?'],
  [['doctor', '--chek', 'bus'], 'Did you mean "--check"?'],
  [['status', '--josn'], 'Did you mean "--json"?'],
  [['doctor', '--check', 'seral'], 'Did you mean "serial"?'],
] as const)('%j is answered with the word that was probably meant', async (argv, words) => {
  const { code, terminal } = await run([...argv]);
  expect(code).toBe(EXIT.usage);
  expect(terminal.errors.join(' ').replace(/\s+/g, ' ')).toContain(words);
});

test('a word like no other is answered without a guess, and a check with the list of the checks', async () => {
  expect((await run(['frobnicate'])).terminal.errors.join()).not.toContain('Did you mean');
  const { terminal } = await run(['doctor', '--check', 'luck']);
  for (const name of CHECK_NAMES) expect(terminal.errors.join()).toContain(name);
});

describe('a configuration with an error, without an agent', () => {
  const lines = ['status', 'nodes', 'commands', 'loglevel debug'];
  const line = (config: string, identity: string, command: string, changes: Partial<HubctlPorts> = {}) => {
    const terminal = createFakeTerminal();
    const argv = ['--config', join(folder, config), '--identity', join(folder, identity), ...command.split(' ')];
    return hubctl(argv, terminal, { ...bareMachine(folder), ...changes }).then((code) => ({
      code,
      terminal,
      said: terminal.errors.join(' '),
    }));
  };
  beforeAll(async () => {
    const cloud = { endpoint: 'example.com', caPath: 'ca.pem' };
    const local = { socketPath: 'no.sock' };
    await writeFile(join(folder, 'misspelt.json'), JSON.stringify({ cloud, local, stateDirectry: 'state' }));
    await writeFile(join(folder, 'right.json'), JSON.stringify({ cloud, local, stateDirectory: 'state' }));
    const hub = {
      hubId: HEALTHY.identity.hubId,
      serial: '1',
      model: 'M',
      vendorName: 'V',
      certificatePath: 'c.pem',
      privateKeyPath: 'k.pem',
    };
    await writeFile(join(folder, 'hub.json'), JSON.stringify(hub));
  });

  test.each(lines)('%s names the file, and the command that lists its problems', async (command) => {
    const { code, said } = await line('misspelt.json', 'hub.json', command);
    expect(code).toBe(EXIT.down);
    expect(said).toContain(join(folder, 'misspelt.json'));
    expect(said).not.toContain(join(folder, 'hub.json'));
    expect(said).toContain("'sudo hubctl config check'");
  });

  test('doctor names it before the agent that does not start with it, which is a consequence without a remedy of its own', async () => {
    const plain = (await line('misspelt.json', 'hub.json', 'doctor --check agent,config,files')).terminal.text();
    expect(plain).toMatch(
      /FAIL config .*stateDirectry[\s\S]*FAIL agent +it does not run\n +why +Caused by the finding of the check "config"\.\n/,
    );
    expect(plain).not.toContain('systemctl start');
    const { terminal } = await line('misspelt.json', 'hub.json', 'doctor --json --check agent,config,files');
    const { checks } = terminal.json() as { checks: { code?: string }[] };
    const causedBy = { check: 'config', code: 'config_invalid' };
    for (const code of ['service_absent', 'state_missing']) expect(checks).toContainEqual(expect.objectContaining({ code, causedBy }));
  });

  test('doctor names an agent that does not run as the cause, with its remedy, when the configuration is right', async () => {
    const configFaults = async () => ({ problems: [], warnings: [], unreadable: [], hubId: null });
    const { terminal } = await line('right.json', 'hub.json', 'doctor --check agent,config', { configFaults });
    expect(terminal.text()).toMatch(/FAIL agent +it does not run\n[\s\S]* do +sudo systemctl start hub-agent/);
  });

  test.each([
    [{ busses: [] }, 'no bus is known, because agent.json has problems: sudo hubctl config check'],
    [{ buses: {} }, 'no bus is known, because agent.json has problems: sudo hubctl config check'],
    [{ wifi: { backnd: 'none' } }, 'no bus is configured'],
  ])('doctor does not say of %j that no bus is configured unless that is so', async (wrong, finding) => {
    const cloud = { endpoint: 'example.com', caPath: 'ca.pem' };
    await writeFile(join(folder, 'buses.json'), JSON.stringify({ cloud, local: { socketPath: 'no.sock' }, ...wrong }));
    // The file of the authorities is missing too, which says nothing of the buses.
    const { terminal } = await line('buses.json', 'hub.json', 'doctor --json --check serial,bus');
    expect(terminal.json()).toMatchObject({
      checks: [
        { check: 'serial', finding },
        { check: 'bus', finding },
      ],
    });
  });

  test.each(lines)('%s says nothing of a configuration that is right, and nothing beside JSON', async (command) => {
    expect((await line('right.json', 'hub.json', command)).said).not.toContain('config check');
    const { terminal, said } = await line('misspelt.json', 'hub.json', `${command} --json`);
    expect(said).toBe('');
    terminal.json();
  });
});

describe('without an agent', () => {
  test.each([['status'], ['nodes'], ['nodes scan'], ['commands'], ['run get_nodes'], ['logs'], ['loglevel debug'], ['bus trace rs485']])(
    '%s says so, also in JSON',
    async (line) => {
      const plain = await run(line.split(' '));
      expect(plain.code).toBe(EXIT.down);
      expect([...plain.terminal.output, ...plain.terminal.errors].join().replace(/\s+/g, ' ')).toContain('The agent does not run');
      const json = await run([...line.split(' '), '--json']);
      expect(json.code).toBe(EXIT.down);
      expect(JSON.stringify(json.terminal.json())).toContain('The agent does not run');
    },
  );

  test('logs of the journal are JSON to a program, also what systemd says', async () => {
    const journal: HubctlPorts['journal'] = async (_options, onLine) => {
      for (const line of ['{"level":"info","msg":"hub agent stopped"}', 'hub-agent.service: Failed with result "exit-code".', '42'])
        onLine(line);
      return true;
    };
    const { code, terminal } = await run(['logs', '--json'], {}, { journal });
    expect(code).toBe(EXIT.down);
    expect(terminal.output.map((line) => JSON.parse(line))).toEqual([
      { level: 'info', msg: 'hub agent stopped' },
      { msg: 'hub-agent.service: Failed with result "exit-code".' },
      { msg: '42' },
      { error: { code: 'agent_down', message: expect.stringContaining('does not run') } },
    ]);
  });

  test('Ctrl-C ends a command wherever it waits', async () => {
    const never = new Promise<never>(() => {});
    const waiting: [string[], Partial<HubctlPorts>][] = [
      [['wifi', 'scan'], { wifiNetworks: () => never }],
      [['wifi', 'status'], { wifiProblem: () => never }],
      [['doctor', '--check', 'wifi'], { wifiProblem: () => never }],
      [['config', 'check'], { configFaults: () => never }],
      [['status'], { service: () => never }],
      [['bundle'], { secrets: () => never }],
    ];
    for (const [argv, ports] of waiting) {
      const terminal = createFakeTerminal();
      const running = run(argv, {}, ports, terminal);
      terminal.interrupt();
      expect((await running).code, argv.join(' ')).toBe(EXIT.interrupted);
    }
  });

  test('the password of wifi set never reaches what is shown', async () => {
    const { code, terminal } = await run(['wifi', 'set', 'Home'], { secret: 'correct horse battery' });
    expect(code).toBe(EXIT.down);
    expect([...terminal.output, ...terminal.errors].join()).not.toContain('correct horse');
  });

  test('a reset that is not confirmed does nothing', async () => {
    expect((await run(['reset'], { answer: 'y' })).code).toBe(EXIT.bad);
    expect((await run(['reset'], { answer: 'yes' })).code).toBe(EXIT.ok);
  });
});
