import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const FOLDER = fileURLToPath(new URL('../../../scripts/aws/', import.meta.url));
const readme = readFileSync(`${FOLDER}README.md`, 'utf8');
const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text]) => text!);
/** Commands in the blocks and in the running text, continued lines joined. */
const commands = [...blocks, ...[...readme.matchAll(/`([^`\n]+)`/g)].map(([, text]) => text!)].map((text) => text.replace(/\\\n\s*/g, ' '));

interface Call {
  service: string;
  verb: string;
  options: Map<string, string>;
}

/** Every call of the AWS CLI with its options. */
const calls = commands.flatMap((text): Call[] =>
  [...text.matchAll(/\baws ([a-z-]+) ([a-z-]+)([^\n]*)/g)].map(([, service, verb, rest]) => ({
    service: service!,
    verb: verb!,
    options: new Map(
      [...rest!.matchAll(/--([a-z-]+)(?: +("[^"]*"|'[^']*'|[^\s-][^\s)]*))?/g)].map(([, name, value]) => [name!, value ?? '']),
    ),
  })),
);

/**
 * The verbs with the options that they must have and may have (AWS CLI 2 Command Reference: sts, iam, iot, iot-data). `query` and `output` belong to
 * every command.
 */
const KNOWN: Record<string, { must: string[]; may?: string[] }> = {
  'sts get-caller-identity': { must: [] },
  'iam create-role': { must: ['role-name', 'assume-role-policy-document'] },
  'iam put-role-policy': { must: ['role-name', 'policy-name', 'policy-document'] },
  'iot create-policy': { must: ['policy-name', 'policy-document'] },
  'iot create-topic-rule': { must: ['rule-name', 'topic-rule-payload'] },
  'iot create-thing': { must: ['thing-name'] },
  'iot create-keys-and-certificate': { must: [], may: ['set-as-active', 'certificate-pem-outfile', 'private-key-outfile'] },
  'iot create-certificate-from-csr': { must: [], may: ['certificate-signing-request', 'set-as-active', 'certificate-pem-outfile'] },
  'iot attach-policy': { must: ['policy-name', 'target'] },
  'iot attach-thing-principal': { must: ['thing-name', 'principal'] },
  'iot update-certificate': { must: ['certificate-id', 'new-status'] },
  'iot describe-endpoint': { must: [], may: ['endpoint-type'] },
  'iot-data publish': { must: ['topic'], may: ['qos', 'payload', 'cli-binary-format', 'retain'] },
};

const callsOf = (name: string) => calls.filter(({ service, verb }) => `${service} ${verb}` === name);

test('the shell reads every block', () => {
  expect(blocks.length).toBeGreaterThan(3);
  for (const block of blocks) expect(spawnSync('sh', ['-n'], { input: block, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
});

test('every file that is named is here, and every file that is here is named', () => {
  const named = new Set([...readme.matchAll(/\$\(filled ([\w.-]+)\)/g)].map(([, name]) => name!));
  for (const name of named) expect(existsSync(FOLDER + name), name).toBe(true);
  expect([...named].sort()).toEqual(
    readdirSync(FOLDER)
      .filter((name) => name !== 'README.md')
      .sort(),
  );
});

test('every call is one that the AWS CLI has, with the options that it needs', () => {
  expect(calls.length).toBeGreaterThan(10);
  for (const { service, verb, options } of calls) {
    const name = `${service} ${verb}`;
    const known = KNOWN[name];
    expect(known, name).toBeDefined();
    const given = [...options.keys()].filter((option) => option !== 'query' && option !== 'output');
    expect(given, name).toEqual(expect.arrayContaining(known!.must));
    for (const option of given) expect([...known!.must, ...(known!.may ?? [])], name).toContain(option);
  }
  for (const name of Object.keys(KNOWN).filter((known) => known !== 'iot create-certificate-from-csr'))
    expect(callsOf(name), name).not.toEqual([]);
});

test('names agree: what is attached was created, the role of the rule is the one that is made, its document the one that is trusted', () => {
  const created = callsOf('iot create-policy').map(({ options }) => options.get('policy-name'));
  expect(new Set(created).size).toBe(created.length);
  for (const { options } of callsOf('iot attach-policy')) expect(created).toContain(options.get('policy-name'));

  const rule = JSON.parse(readFileSync(`${FOLDER}presence-rule.json`, 'utf8')) as { actions: { republish: { roleArn: string } }[] };
  const role = rule.actions[0]!.republish.roleArn.split('/').at(-1);
  const [made] = callsOf('iam create-role');
  expect(made!.options.get('role-name')).toBe(role);
  expect(made!.options.get('assume-role-policy-document')).toBe('"$(filled presence-rule-trust.json)"');
  for (const { options } of callsOf('iam put-role-policy')) expect(options.get('role-name')).toBe(role);

  // AWS IoT: a rule's name has letters, digits and "_" only.
  for (const { options } of callsOf('iot create-topic-rule')) expect(options.get('rule-name')).toMatch(/^\w+$/);
  const things = [...callsOf('iot create-thing'), ...callsOf('iot attach-thing-principal')];
  expect(new Set(things.map(({ options }) => options.get('thing-name')))).toEqual(new Set(['"$HUB"']));
});

test('the certificate is made where flashing looks for it, and the endpoint is the one that takes MQTT', () => {
  const [made] = callsOf('iot create-keys-and-certificate');
  expect(Object.fromEntries(made!.options)).toMatchObject({
    'certificate-pem-outfile': 'certificate.pem',
    'private-key-outfile': 'private-key.pem',
    'set-as-active': '',
  });
  expect(callsOf('iot describe-endpoint')[0]!.options.get('endpoint-type')).toBe('iot:Data-ATS');
});
