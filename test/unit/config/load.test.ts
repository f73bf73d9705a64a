import { expect, test } from 'vitest';
import { AGENT, FOLDER, HUB_ID, IDENTITY, load, refusal } from './rig.ts';

const bus = (changes: object = {}) => ({ id: 'rs485', protocol: 'osdp', path: '/dev/ttyUSB0', ...changes });
const zigbee = (changes: object = {}) => ({ id: 'zb', protocol: 'zigbee', path: '/dev/ttyACM0', adapter: 'zstack', ...changes });
const withBuses = (...buses: object[]) => ({ agent: { ...AGENT, buses } });
const withCloud = (changes: object) => ({ agent: { cloud: { ...AGENT.cloud, ...changes } } });

test('a minimal configuration gets every default, and absolute paths', async () => {
  const config = await load();
  expect(config.identity).toEqual({
    ...IDENTITY,
    thingName: HUB_ID,
    certificatePath: `${FOLDER}/certificate.pem`,
    privateKeyPath: `${FOLDER}/key.pem`,
  });
  expect(config.cloud).toEqual({
    endpoint: 'iot.example.com',
    port: 8883,
    caPath: `${FOLDER}/ca.pem`,
    keepAliveSeconds: 30,
    allowShortKeepAlive: false,
    shadowName: null,
    connect: { spreadSeconds: 25, minBackoffMs: 2000, maxBackoffMs: 128_000, maxUnreachableBackoffMs: 28_000, resetAfterMs: 30_000 },
  });
  expect(config.commands).toMatchObject({ ttlSeconds: 300, intake: ['shadow'] });
  expect(config.wifi).toEqual({ interface: null, backend: 'auto', attemptTimeoutSeconds: 100, checkpointSeconds: 120 });
  expect(config).toMatchObject({
    stateDirectory: '/var/lib/hub-agent',
    buses: [],
    log: { level: 'info' },
    heartbeatMinutes: 15,
    warnings: [],
  });
});

test('relative paths count from the folder of their file, ranges are spelled out, the editor key is dropped', async () => {
  const config = await load({
    identity: { $schema: 'x', ...IDENTITY, thingName: 'thing:1' },
    agent: {
      $schema: 'x',
      ...AGENT,
      stateDirectory: 'state',
      local: { socketPath: '../run/sock' },
      wifi: { interface: 'wlan1' },
      buses: [bus({ path: 'tty', addresses: [9, '0-2'], keysPath: 'keys.json', baudRate: 'auto' }), bus({ id: 'b2', path: '/dev/b2' })],
    },
  });
  expect(config).toMatchObject({ stateDirectory: `${FOLDER}/state`, local: { socketPath: '/etc/run/sock' }, wifi: { interface: 'wlan1' } });
  expect(config.identity.thingName).toBe('thing:1');
  expect(config.buses[0]).toMatchObject({
    path: `${FOLDER}/tty`,
    addresses: [9, 0, 1, 2],
    keysPath: `${FOLDER}/keys.json`,
    baudRate: 'auto',
  });
  expect(config.buses[1]).toMatchObject({ baudRate: 9600, keysPath: null, allowDefaultKey: false });
  expect(config.buses[1]).toMatchObject({ addresses: Array.from({ length: 127 }, (_, address) => address) });
  expect(JSON.stringify(config)).not.toContain('$schema');
});

test('a byte order mark of UTF-8 does no harm', async () => {
  await expect(load({ files: { 'agent.json': `\ufeff${JSON.stringify(AGENT)}` } })).resolves.toBeDefined();
});

test.each([
  ['missing', null, 'does not exist'],
  ['empty', '', 'is empty'],
  ['blank', ' \n', 'is empty'],
  ['zeroed by a power cut', Buffer.alloc(100), 'zero bytes'],
  ['UTF-16', Buffer.from('\ufeff{}', 'utf16le'), 'UTF-16'],
  ['not text', Buffer.from([0x7b, 0xc3, 0x28]), 'UTF-8'],
  ['huge', ' '.repeat(300 * 1024), 'bytes'],
  ['a directory', { code: 'EISDIR' }, 'is a directory'],
  ['not readable', { code: 'EACCES' }, 'may not read'],
  ['under a file', { code: 'ENOTDIR' }, 'not a directory'],
  ['behind looping links', { code: 'ELOOP' }, 'circle'],
  ['on a broken disk', { code: 'EIO' }, 'EIO'],
  ['torn', '{\n  "cloud": {\n    "endpo', 'line 3, column 5'],
])('a file that is %s is named with a remedy', async (_case, content, words) => {
  const { problems, error } = await refusal({ files: { 'agent.json': content } });
  expect(error.code).toBe('config_invalid');
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ file: `${FOLDER}/agent.json`, field: '', message: expect.stringContaining(words) });
  expect(problems[0]!.remedy).not.toBe('');
});

test.each([
  ['missing field', { agent: { cloud: { caPath: 'ca.pem' } } }, 'cloud.endpoint', 'missing'],
  ['missing section', { agent: {} }, 'cloud', 'missing'],
  ['not an object', { agent: [] }, '', 'object'],
  ['wrong type', withCloud({ port: '8883' }), 'cloud.port', 'a number'],
  ['out of range', withCloud({ port: 70_000 }), 'cloud.port', 'at most 65535'],
  ['not whole', withCloud({ port: 1.5 }), 'cloud.port', 'whole'],
  ['an URL as endpoint', withCloud({ endpoint: 'mqtts://x:8883' }), 'cloud.endpoint', 'host name'],
  ['short keepalive', withCloud({ keepAliveSeconds: 5 }), 'cloud.keepAliveSeconds', 'less than the 30'],
  ['long keepalive', withCloud({ keepAliveSeconds: 1201 }), 'cloud.keepAliveSeconds', 'at most 1200'],
  ['bad shadow name', withCloud({ shadowName: 'a/b' }), 'cloud.shadowName', 'letters'],
  ['backoff upside down', withCloud({ connect: { minBackoffMs: 5000, maxBackoffMs: 100 } }), 'cloud.connect.minBackoffMs', 'maxBackoffMs'],
  ['unknown bus protocol', withBuses(bus({ protocol: 'modbus' })), 'buses[0].protocol', 'Use "osdp" or "zigbee".'],
  ['a Zigbee stick over the network', withBuses(zigbee({ path: 'tcp://10.0.0.1:6638' })), 'buses[0].path', 'serial port of this hub'],
  ['an adapter that does not exist', withBuses(zigbee({ adapter: 'znp' })), 'buses[0].adapter', '"zstack"'],
  ['a channel of Wi-Fi', withBuses(zigbee({ channel: 6 })), 'buses[0].channel', '11'],
  ['a key of the other protocol', withBuses(zigbee({ keysPath: 'keys.json' })), 'buses[0].keysPath', 'not known'],
  ['a misspelt key of a Zigbee bus', withBuses(zigbee({ rtsCts: true })), 'buses[0].rtsCts', 'rtscts'],
  ['a stick that is a line too', withBuses(bus(), zigbee({ path: '/dev/ttyUSB0' })), 'buses[1].path', 'also the port'],
  ['bus id', withBuses(bus({ id: 'RS 485' })), 'buses[0].id', 'lower-case'],
  ['baud rate', withBuses(bus({ baudRate: 9601 })), 'buses[0].baudRate', '"auto"'],
  ['broadcast address', withBuses(bus({ addresses: [127] })), 'buses[0].addresses[0]', 'at most 126'],
  ['range too far', withBuses(bus({ addresses: ['0-127'] })), 'buses[0].addresses[0]', 'at most 126'],
  ['range backwards', withBuses(bus({ addresses: [1, '9-3'] })), 'buses[0].addresses[1]', 'lower to a higher'],
  ['range in words', withBuses(bus({ addresses: ['all'] })), 'buses[0].addresses[0]', '0-126'],
  ['address twice', withBuses(bus({ addresses: ['0-5', 5] })), 'buses[0].addresses[1]', 'already'],
  ['bus id twice', withBuses(bus(), bus({ path: '/dev/b' })), 'buses[1].id', 'also the id'],
  ['port twice', withBuses(bus(), bus({ id: 'b' })), 'buses[1].path', 'also the port'],
  ['intake', { agent: { ...AGENT, commands: { intake: ['mail'] } } }, 'commands.intake[0]', 'Use "shadow" or "executions".'],
  ['intake twice', { agent: { ...AGENT, commands: { intake: ['shadow', 'shadow'] } } }, 'commands.intake[1]', 'already'],
  [
    'attempt longer than the checkpoint',
    { agent: { ...AGENT, wifi: { checkpointSeconds: 90 } } },
    'wifi.attemptTimeoutSeconds',
    'not less',
  ],
  ['interface', { agent: { ...AGENT, wifi: { interface: 'wlan 0' } } }, 'wifi.interface', 'network interface'],
  ['long socket path', { agent: { ...AGENT, local: { socketPath: `/${'x'.repeat(107)}` } } }, 'local.socketPath', '107 bytes'],
  ['heartbeat', { agent: { ...AGENT, heartbeatMinutes: 16 } }, 'heartbeatMinutes', 'at most 15'],
  ['level', { agent: { ...AGENT, log: { level: 'loud' } } }, 'log.level', '"info"'],
  ['credential as state directory', { agent: { ...AGENT, stateDirectory: 'credential:x' } }, 'stateDirectory', 'not possible here'],
  ['hubId', { identity: { ...IDENTITY, hubId: '42' } }, 'hubId', 'UUID'],
  ['thingName', { identity: { ...IDENTITY, thingName: 'a/b' } }, 'thingName', 'letters'],
  ['serial', { identity: { ...IDENTITY, serial: 'a\nb' } }, 'serial', 'one line'],
])('%s: names the field and says what is wanted', async (_case, rig, field, words) => {
  const { problems } = await refusal(rig);
  expect(problems.map((problem) => problem.field)).toEqual([field]);
  expect(problems[0]!.message + problems[0]!.remedy).toContain(words);
  expect(problems[0]!.file).toBe(`${FOLDER}/${'identity' in rig ? 'identity' : 'agent'}.json`);
});

test('the choice between kinds of bus is not explained with the words of one of them', async () => {
  const { problems } = await refusal(withBuses(bus({ protocol: 'zigbe' })));
  expect(problems).toEqual([
    expect.objectContaining({ field: 'buses[0].protocol', message: '"zigbe" is not valid', remedy: 'Use "osdp" or "zigbee".' }),
  ]);
});

test('a short keepalive is possible on a test rig that says so', async () => {
  const config = await load(withCloud({ keepAliveSeconds: 2, allowShortKeepAlive: true }));
  expect(config.cloud.keepAliveSeconds).toBe(2);
});

test.each([
  ['cloud.keepaliveSeconds', withCloud({ keepaliveSeconds: 30 }), 'Did you mean "keepAliveSeconds"?'],
  ['cloud.connect.minBackofMs', withCloud({ connect: { minBackofMs: 1 } }), 'Did you mean "minBackoffMs"?'],
  ['buses[0].adresses', withBuses(bus({ adresses: [1] })), 'Did you mean "addresses"?'],
  ['thing_name', { identity: { ...IDENTITY, thing_name: 'x' } }, 'Did you mean "thingName"?'],
  ['local.colour', { agent: { ...AGENT, local: { colour: 1 } } }, 'known here: socketPath'],
])('the unknown key %s is refused with the nearest known one', async (field, rig, remedy) => {
  const { problems } = await refusal(rig);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ field, message: 'this key is not known', remedy: expect.stringContaining(remedy) });
});

test('a key that stands twice is refused: JSON would take the last one in silence', async () => {
  const text = '{"cloud": {"endpoint": "a.example",\n "caPath": "ca.pem",\n "endpoint": "b.example"}}';
  const { problems } = await refusal({ files: { 'agent.json': text } });
  expect(problems).toEqual([expect.objectContaining({ field: 'cloud.endpoint', message: expect.stringContaining('line 3') })]);
});

test('all problems of all files are told at once, one line each', async () => {
  const { problems, text } = await refusal({
    identity: { ...IDENTITY, hubId: 'x', colour: 1 },
    agent: { cloud: { ...AGENT.cloud, port: 0, endpont: 'x' }, buses: [bus(), bus()], wifi: { checkpointSeconds: 50 } },
    files: { 'ca.pem': null },
  });
  expect(problems.map((problem) => problem.field).sort()).toEqual(
    ['buses[1].id', 'buses[1].path', 'cloud.caPath', 'cloud.endpont', 'cloud.port', 'colour', 'hubId', 'wifi.attemptTimeoutSeconds'].sort(),
  );
  const lines = text.split('\n');
  expect(lines).toHaveLength(problems.length + 1);
  expect(lines[0]).toBe('The configuration has 8 problems:');
  problems.forEach(({ file, field, message, remedy }, index) => {
    expect(lines[index + 1]).toBe(`  - ${file}: ${field}: ${message}. ${remedy}`);
  });
});

test('a key file that is wrong is told with the other problems, each at its bus', async () => {
  const asked: string[] = [];
  const { problems } = await refusal({
    ...withBuses(
      bus({ keysPath: 'right.json' }),
      bus({ id: 'b', path: '/dev/b' }),
      bus({ id: 'c', path: '/dev/b', keysPath: 'wrong.json' }),
    ),
    async keyFileProblem(path) {
      asked.push(path);
      return path.endsWith('wrong.json') ? { message: 'this is not JSON', remedy: 'Correct it.' } : null;
    },
  });
  expect(asked).toEqual([`${FOLDER}/right.json`, `${FOLDER}/wrong.json`]);
  expect(problems.map(({ field }) => field)).toEqual(['buses[2].path', 'buses[2].keysPath']);
  expect(problems[1]).toEqual({
    file: `${FOLDER}/agent.json`,
    field: 'buses[2].keysPath',
    message: 'this is not JSON',
    remedy: 'Correct it.',
  });
});

test('a file of another kind does not flood the log', async () => {
  const agent = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`key${index}`, index]));
  const { problems, text } = await refusal({ agent });
  expect(problems.length).toBeLessThanOrEqual(40);
  expect(text).toContain('more');
});

test.each([
  ['its name', '/run/hub/admin.sock', 'is the name of the admin socket'],
  ['no room for it', `/${'x'.repeat(98)}/s`, 'admin.sock is longer than'],
])('a socket that keeps the admin socket away (%s) is a warning: the hub serves without it', async (_what, socketPath, message) => {
  const { warnings } = await load({ agent: { ...AGENT, local: { socketPath } } });
  expect(warnings).toMatchObject([{ field: 'local.socketPath', message: expect.stringContaining(message) }]);
});
