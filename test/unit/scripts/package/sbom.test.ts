import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { TarEntry } from '../../../../agent/system/tar.ts';
import { auditLines, readAudit } from '../../../../scripts/package/audit.ts';
import { collectLicences, insidePackages } from '../../../../scripts/package/licences.ts';
import { LINKED, unknownLibraries } from '../../../../scripts/package/linked.ts';
import { makeSbom } from '../../../../scripts/package/sbom.ts';

const ROOT = resolve(import.meta.dirname, '../../../..');
const crt = (arch: string) => readFileSync(join(ROOT, `node_modules/aws-crt/dist/bin/linux-${arch}-glibc/aws-crt-nodejs.node`));

const file = (path: string, data: Buffer): TarEntry => ({ path, kind: 'file', mode: 0o644, data });

async function sourcesOf(arch: 'amd64' | 'arm64' = 'amd64', more: Buffer = Buffer.alloc(0)) {
  const binary = crt(arch === 'amd64' ? 'x64' : 'arm64');
  const files = [
    file('usr/lib/hub-agent/node', Buffer.from('node')),
    file('usr/lib/hub-agent/native/aws-crt.node', Buffer.concat([binary, more])),
  ];
  return {
    name: 'hub-agent',
    version: '1.2.3-1',
    arch,
    packages: await insidePackages(ROOT),
    nodeVersions: { node: '24.0.0', uv: '1.52.1', openssl: '3.5.8', modules: '137', nghttp3: '' },
    files,
    dateSeconds: 1_700_000_000,
  };
}

interface Bom {
  serialNumber: string;
  metadata: { timestamp: string };
  components: { 'bom-ref': string; name: string; version?: string; hashes?: { content: string }[]; licenses?: unknown[] }[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

test.each(['amd64', 'arm64'] as const)(
  'the bill of materials names all that is inside, also what is linked into binaries (%s)',
  async (arch) => {
    const sources = await sourcesOf(arch);
    const bom = JSON.parse(makeSbom(sources)) as Bom;
    expect(bom).toMatchObject({
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      version: 1,
      metadata: { timestamp: '2023-11-14T22:13:20.000Z' },
    });
    const named = new Map(bom.components.map((one) => [one.name, one]));
    for (const { name } of [...LINKED, ...sources.packages]) expect(named.has(name), name).toBe(true);
    expect(named.get('aws-lc')!.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(named.get('libuv')).toMatchObject({ version: '1.52.1' });
    expect(named.has('nghttp3')).toBe(false);
    expect(named.has('vitest')).toBe(false);
    // What a hub with Zigbee alone gets is not in the agent's package.
    expect(named.has('zigbee-herdsman')).toBe(false);
    expect(named.has('zigbee-on-host')).toBe(false);
    expect(named.get('/usr/lib/hub-agent/native/aws-crt.node')!.hashes![0]!.content).toBe(
      createHash('sha256').update(sources.files[1]!.data).digest('hex'),
    );
    // Every reference leads somewhere, and none stands twice.
    const references = bom.components.map((one) => one['bom-ref']);
    expect(new Set(references).size).toBe(references.length);
    const own = `pkg:deb/hub-agent@1.2.3-1?arch=${arch}`;
    for (const ref of bom.dependencies.flatMap((one) => [one.ref, ...one.dependsOn])) expect([...references, own]).toContain(ref);
  },
);

test('the same sources give the same bytes, others another serial number', async () => {
  const [first, again, other] = [await sourcesOf(), await sourcesOf(), { ...(await sourcesOf()), version: '1.2.4-1' }];
  expect(makeSbom(again)).toBe(makeSbom(first));
  const serial = (sources: typeof first) => (JSON.parse(makeSbom(sources)) as Bom).serialNumber;
  expect(serial(first)).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(serial(other)).not.toBe(serial(first));
});

test('a library that an update of the SDK brings in, or drops, stops the packaging until it is listed', async () => {
  const added = await sourcesOf('amd64', Buffer.from('/build/src/aws-crt-nodejs/crt/aws-c-s3/source/s3.c\0'));
  expect(unknownLibraries(added.files[1]!.data as Buffer)).toEqual(['aws-c-s3']);
  expect(() => makeSbom(added)).toThrow(/aws-c-s3.*linked\.ts/);
  const gone = { ...added, files: [file('usr/lib/hub-agent/native/aws-crt.node', Buffer.from('no library'))] };
  expect(() => makeSbom(gone)).toThrow(/no longer contains cJSON, libcbor/);
});

test('the notices of the linked libraries are in the licences', async () => {
  const text = await collectLicences(ROOT, { version: '24.0.0', licence: Buffer.from('Licence of Node') });
  for (const { name } of LINKED) expect(text).toContain(`${name}, linked into aws-crt`);
  for (const words of [
    'Dave Gamble',
    'Pavel Kalvoda',
    'The OpenSSL Project',
    'Eric Young',
    'fiat-crypto',
    'Stephan Mueller',
    'Bob Jenkins',
  ])
    expect(text).toContain(words);
});

test.each([
  ['nothing', '', 'npm audit gave no report'],
  ['HTML of a proxy', '<html>', 'npm audit gave no report'],
  [
    'a registry without the service',
    '{"message":"405 Method Not Allowed - POST","statusCode":405,"error":{"summary":""}}',
    '405 Method Not Allowed - POST',
  ],
  ['another shape', '{"vulnerabilities":null}', 'npm audit gave no report'],
  ['no object', 'null', 'npm audit gave no report'],
])('an audit that was answered with %s is not judged', (_name, output, reason) => {
  expect(auditLines(readAudit(output))).toEqual([`known vulnerabilities: not judged (${reason})`]);
});

test('an audit that was answered is told with its findings', () => {
  expect(auditLines(readAudit('{"vulnerabilities":{}}'))).toEqual(['known vulnerabilities: none in what is shipped']);
  const output = JSON.stringify({
    vulnerabilities: {
      a: { severity: 'critical', via: [{ title: 'Remote code execution' }] },
      b: { severity: 'low', via: ['a'] },
    },
  });
  expect(readAudit(output)).toMatchObject({ answered: true, total: 2, severe: 1 });
  expect(auditLines(readAudit(output))).toEqual([
    'known vulnerabilities: 2, 1 of them high or critical',
    '  critical: a, Remote code execution',
    '  low: b, by a',
  ]);
});
