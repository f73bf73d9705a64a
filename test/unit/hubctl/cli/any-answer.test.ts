import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXIT } from '../../../../agent/hubctl/cli/exit-codes.ts';
import { COMMANDS, hubctl } from '../../../../agent/hubctl/cli/hubctl.ts';
import { bareMachine } from '../bare-machine.ts';
import { createFakeTerminal } from '../fake-terminal.ts';
import { HEALTHY } from '../fixtures.ts';
import { type RightAnswer, rightAnswer } from '../right-answers.ts';

const SEED = 20_261_129;
const RUNS = 60;
/** Commands that take longer. */
const FEW_RUNS = 8;
const DOCUMENTED: readonly number[] = Object.values(EXIT).filter((code) => code !== EXIT.bug);

/** Every command that asks the agent, as a person types it. */
const LINES: readonly string[] = [
  'status',
  'nodes',
  'nodes --watch',
  'nodes show rs485/5',
  'nodes scan',
  'nodes identify rs485/5',
  'nodes forget rs485/5',
  'nodes permit-join 60',
  'nodes remove zigbee/0x00158d0001020304 --yes',
  'zigbee status',
  'zigbee backup',
  'zigbee restore --yes',
  'zigbee form --replace --devices 4',
  'zigbee map',
  'commands',
  'run get_nodes',
  'wifi status',
  'wifi set Site7',
  'cloud ping',
  'bus trace rs485',
  'bus set-address rs485 0 5',
  'bus rekey rs485',
  'logs',
  'logs --follow',
  'loglevel debug',
  'update status',
  'reset --yes',
  'doctor --check agent,mqtt,topics,bus,zigbee,wifi,memory,version,update',
  'bundle',
];
const ASK_NO_AGENT = ['wifi scan', 'config check', 'update apply', 'update rollback', 'update history'];
const SLOW = /^(doctor|bundle|cloud ping)/;

/** The bytes that come back for a request. */
type Reply = (right: RightAnswer) => Buffer;

let folder: string;
let servers: Server[];
let bundles = 0;
let reply: Reply = () => Buffer.alloc(0);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hubctl-answers-'));
  const buses = [
    { id: 'rs485', protocol: 'osdp', path: '/dev/null' },
    { id: 'zigbee', protocol: 'zigbee', path: '/dev/null', adapter: 'zstack' },
  ];
  await writeFile(join(folder, 'agent.json'), JSON.stringify({ local: { socketPath: 'control.sock' }, stateDirectory: 'state', buses }));
  servers = ['control.sock', 'admin.sock'].map((name) =>
    createServer((socket) => {
      socket.on('error', () => {});
      let request = '';
      socket.on('data', (part) => {
        request += part.toString('latin1');
        const bytes = Number(/^content-length: (\d+)/im.exec(request)?.[1] ?? 0);
        if (request.includes('\r\n\r\n') && request.split('\r\n\r\n')[1]!.length >= bytes) socket.end(reply(rightAnswer(request)));
      });
    }).listen(join(folder, name)),
  );
});
afterAll(async () => {
  for (const server of servers) server.close();
  await rm(folder, { recursive: true, force: true });
});

const http = (body: Buffer | string, status = 200) =>
  Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Odd\r\nConnection: close\r\n\r\n`), Buffer.from(body)]);
const textOf = (values: readonly unknown[]) => values.map((value) => `${value === '' ? '' : JSON.stringify(value)}\n`).join('');
const valuesOf = (right: RightAnswer) => ('lines' in right ? right.lines : [right.json]);

async function run(line: string, json = false) {
  const terminal = createFakeTerminal({
    columns: 80,
    secret: 'x'.repeat(10),
    onOut: () => line.includes('--watch') && terminal.interrupt(),
  });
  const output = line === 'bundle' ? ['--output', join(folder, `bundle-${bundles++}`)] : [];
  const places = ['--config', join(folder, 'agent.json'), '--identity', join(folder, 'identity.json')];
  const code = await hubctl([...line.split(' '), ...(json ? ['--json'] : []), ...output, ...places], terminal, bareMachine(folder));
  return { code, text: [...terminal.output, ...terminal.errors].join('\n') };
}

/** Words that decide something here, or that every object inherits. */
const word = fc.constantFrom(
  'connected',
  'SUCCEEDED',
  'unavailable',
  'osdp',
  'open',
  'unknown_devices',
  'constructor',
  '__proto__',
  'toString',
);
const scalar = fc.oneof(
  fc.constantFrom<unknown>(null, '', 0, -1, 1e300, true, false, 5e-324),
  word,
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.oneof(word, fc.constantFrom('result', 'error', 'waiting', 'code', 'level', 'msg')), tie('tree')), { maxLength: 3 })
      .map((entries) => Object.fromEntries(entries)),
  ),
}));
const anyJson = fc.oneof(
  tree,
  fc.constantFrom<unknown>(null, [], {}, 42, ['x'], { result: null }, { error: 'text' }, { error: { code: 5 } }),
);

/** A value with one of its parts replaced, left out (undefined), or joined by another one. */
function spoilt(value: unknown, path: readonly number[], part: unknown): unknown {
  const [at, ...rest] = path;
  if (at === undefined || value === null || typeof value !== 'object') return part;
  const entries = Object.entries(value);
  if (entries.length === 0) return part;
  const [key, inner] = entries[at % entries.length]!;
  const next = entries.flatMap(([name, each]) =>
    name !== key ? [[name, each] as const] : part === undefined ? [] : [[key, spoilt(inner, rest, part)] as const],
  );
  return Array.isArray(value) ? next.map(([, each]) => each) : Object.fromEntries(next);
}

const spoiltReply = fc
  .tuple(
    fc.array(fc.nat(40), { minLength: 1, maxLength: 6 }),
    fc.oneof({ weight: 4, arbitrary: anyJson }, { weight: 1, arbitrary: fc.constant(undefined) }),
  )
  .map(
    ([path, part]): Reply =>
      (right) =>
        http(textOf(spoilt(valuesOf(right), path, part) as unknown[])),
  );
const jsonReply = fc.tuple(fc.array(anyJson, { minLength: 1, maxLength: 3 }), fc.constantFrom(200, 200, 400, 404, 500)).map(
  ([values, status]): Reply =>
    () =>
      http(textOf(values), status),
);
const bytesReply = fc.tuple(fc.uint8Array({ maxLength: 60 }), fc.boolean()).map(
  ([bytes, isHttp]): Reply =>
    () =>
      isHttp ? http(Buffer.from(bytes)) : Buffer.from(bytes),
);
const rightReply: Reply = (right) => http(textOf(valuesOf(right)));
const anyReply = fc.oneof(
  { weight: 6, arbitrary: spoiltReply },
  { weight: 3, arbitrary: jsonReply },
  { weight: 1, arbitrary: bytesReply },
  { weight: 1, arbitrary: fc.constant(rightReply) },
);

test('the commands here are all that ask the agent', () => {
  const asking = COMMANDS.map(({ name }) => name).filter((name) => !ASK_NO_AGENT.includes(name));
  for (const name of asking)
    expect(
      LINES.some((line) => `${line} `.startsWith(`${name} `)),
      name,
    ).toBe(true);
});

test.each(LINES)('%s understands an agent of its own release', async (line) => {
  reply = rightReply;
  const { code, text } = await run(line);
  expect(text).not.toMatch(/does not understand|could not be checked|undefined|NaN|\[object/);
  expect([EXIT.hung, EXIT.bug]).not.toContain(code);
});

test.each<[what: string, answer: unknown]>([
  ['null', null],
  ['a list', []],
  ['an empty object', {}],
  ['a number', 42],
  ['a text', 'text'],
  ['a part of it', { ...HEALTHY, cloud: {} }],
])('an answer without a status, nodes or a journal (%s): the disk is shown', async (_what, answer) => {
  reply = () => http(JSON.stringify(answer));
  for (const [line, shown] of [
    ['status', 'UNCLEAR ANSWER'],
    ['nodes', '0 known'],
    ['commands', 'This is the journal on the disk.'],
  ] as const) {
    const { code, text } = await run(line);
    expect(text.replace(/\s+/g, ' ')).toContain(shown);
    expect(text.replace(/\s+/g, ' ')).toContain("hubctl does not understand the agent's answer");
    expect(code).toBe(EXIT.hung);
  }
  const { text } = await run('zigbee status', true);
  expect(JSON.parse(text)).toMatchObject({ error: { code: 'agent_unclear' } });
});

test('what is no HTTP is no answer', async () => {
  reply = () => Buffer.from('220 mail ready\r\n');
  const { code, text } = await run('zigbee status');
  expect(code).toBe(EXIT.hung);
  expect(text).toContain('something else than HTTP');
});

test.each(['null', '42', '["x"]', '"text"', 'no JSON'])(
  'a log line that is no object is shown as it is, and so is what follows: %s',
  async (odd) => {
    reply = () => http(`${odd}\n{"level":"info","time":"2026-11-22T01:48:24.000Z","msg":"hub agent stopped"}\n`);
    const { code, text } = await run('logs');
    expect(text).toBe(`${odd}\n2026-11-22, times are UTC\n01:48:24 info  hub agent stopped`);
    expect(code).toBe(EXIT.ok);
  },
);

test.each(LINES)(
  `Whatever the agent answers, %s ends with a documented exit code (seed ${SEED})`,
  async (line) => {
    const runs = SLOW.test(line) ? FEW_RUNS : RUNS;
    let ended = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyReply, { minLength: 1, maxLength: 4 }), fc.boolean(), async (replies, json) => {
        let asked = 0;
        reply = (right) => replies[asked++ % replies.length]!(right);
        const { code, text } = await run(line, json);
        expect(DOCUMENTED, text).toContain(code);
        expect(text).not.toMatch(/\n {4}at |undefined|NaN|\[object|Cannot\s+read|is\s+not\s+(?:a\s+function|iterable)|Invalid\s+time/);
        ended += 1;
      }),
      { seed: SEED, numRuns: runs },
    );
    expect(ended).toBe(runs);
  },
  120_000,
);
