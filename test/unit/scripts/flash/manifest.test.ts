import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { parseCsv } from '../../../../scripts/flash/csv.ts';
import { readManifest } from '../../../../scripts/flash/manifest.ts';
import { Refused } from '../../../../scripts/flash/problems.ts';

const A = '6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d11';
const B = '6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d22';
const HEAD = 'hubId,serial,model,vendorName,thingName,certificate,key';
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'manifest-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
});

async function read(name: string, text: string) {
  await writeFile(join(folder, name), text);
  const { rows, problems } = await readManifest(join(folder, name));
  if (problems.length > 0) throw new Refused(problems);
  return rows;
}

async function problems(name: string, text: string): Promise<string[]> {
  const error = await read(name, text).catch((refused: unknown) => refused);
  if (!(error instanceof Refused)) throw new Error('it was taken');
  for (const { remedy } of error.problems) expect(remedy).toMatch(/^[A-Z].*\.$/);
  return error.problems.map(({ row, field, message }) => `${row} ${field} ${message}`);
}

test('CSV with quotes, Windows line ends, a byte order mark and empty lines', () => {
  expect(parseCsv('\uFEFFa,b\r\n"x, ""y""", z \r\n\r\n"two\nlines",\n')).toEqual([
    { line: 1, fields: ['a', 'b'] },
    { line: 2, fields: ['x, "y"', 'z'] },
    { line: 4, fields: ['two\nlines', ''] },
  ]);
  expect(() => parseCsv('a\n"b')).toThrow('line 2');
});

test('CSV and JSON mean the same', async () => {
  const csv = await read('m.csv', `${HEAD}\n${A},S1,M,"Locks, Inc.",,c.pem,k.pem\n${B},S2,M,V,thing-b,,\n`);
  const json = await read(
    'm.json',
    JSON.stringify([
      { hubId: A, serial: 'S1', model: 'M', vendorName: 'Locks, Inc.', certificate: 'c.pem', key: 'k.pem' },
      { hubId: B, serial: 'S2', model: 'M', vendorName: 'V', thingName: 'thing-b' },
    ]),
  );
  expect(csv.map((hub) => ({ ...hub, row: hub.row - 1 }))).toEqual(json);
  expect(csv[0]).toMatchObject({ row: 2, thingName: null, certificatePath: join(folder, 'c.pem'), keyPath: join(folder, 'k.pem') });
  expect(csv[1]).toMatchObject({ thingName: 'thing-b', certificatePath: null, keyPath: null });
});

test('Every problem of every row is told at once, with row and field', async () => {
  const text = [HEAD, 'nonsense,S1,M,V,,,', `${A},,M,V,,,`, `${B},S3,M,V,a/b,,`].join('\n');
  expect(await problems('m.csv', text)).toEqual([
    expect.stringMatching(/^2 hubId .*UUID/),
    expect.stringMatching(/^3 serial /),
    expect.stringMatching(/^4 thingName /),
  ]);
});

test('Two hubs with one name, of any kind, are refused with the row of the first', async () => {
  const text = [HEAD, `${A},S1,M,V,one,,`, `${A.toUpperCase()},S2,M,V,two,,`, `${B},S1,M,V,one,,`].join('\n');
  expect(await problems('m.csv', text)).toEqual([
    '3 hubId it is also that of row 2',
    '4 serial it is also that of row 2',
    '4 thingName it is also that of row 2',
  ]);
});

test("A Thing's name that another row has by default, and one serial of two vendors, are refused", async () => {
  const text = [HEAD, `${A},S1,M,V,,,`, `${B},S1,M,W,${A},,`].join('\n');
  expect(await problems('m.csv', text)).toEqual(['3 serial it is also that of row 2', '3 thingName it is also that of row 2']);
  const turned = [HEAD, `${B},S2,M,V,${A},,`, `${A},S1,M,V,,,`].join('\n');
  expect(await problems('m.csv', turned)).toEqual(['3 thingName it is also that of row 2']);
  const twice = [HEAD, `${A},S1,M,V,,,`, `${A},S2,M,V,,,`].join('\n');
  expect(await problems('m.csv', twice)).toEqual(['3 hubId it is also that of row 2']);
});

test('A manifest that is none is refused in words', async () => {
  expect(await problems('m.csv', '')).toEqual([expect.stringContaining('empty')]);
  expect(await problems('m.csv', HEAD)).toEqual([expect.stringContaining('names no hub')]);
  expect(await problems('m.csv', `${HEAD}\n${A},S1`)).toEqual([expect.stringContaining('2 fields, the header has 7')]);
  expect(await problems('m.csv', `${HEAD},password\n${A},S1,M,V,,,,x`)).toEqual(['1 password the column is unknown']);
  expect(await problems('m.json', '{}')).toEqual([expect.stringContaining('not a list')]);
  expect(await problems('m.json', '[1]')).toEqual([expect.stringContaining('not an object')]);
  const error = await readManifest(join(folder, 'missing.csv')).catch((refused: unknown) => refused);
  expect(error).toBeInstanceOf(Refused);
});

test('A key that stands in the manifest itself is refused and not repeated', async () => {
  const body = 'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg'.padEnd(184, 'topsecret');
  const pem = `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`;
  const row = (certificate: string, key: string) =>
    JSON.stringify([{ hubId: A, serial: 'S1', model: 'M', vendorName: 'V', certificate, key }]);
  for (const value of [pem, pem.replaceAll('\n', '\\n'), body, `${body}\r\n${body}`, 'x'.repeat(1_025)]) {
    expect(await problems('m.json', row('c.pem', value))).toEqual(['1 key it holds a PEM and not the path of one']);
  }
  expect(await problems('m.json', row(pem, pem))).toHaveLength(2);
  const written = [
    ['m.csv', `${HEAD}\n${A},S1,M,V,,c.pem,"${pem}"`],
    ['m.csv', `${HEAD}\n${A},S1,M,V,,c.pem,${pem}`],
    ['m.csv', `${HEAD},"${pem}"\n${A},S1,M,V,,,`],
    ['m.csv', `${HEAD}\n${A},"${pem}","${pem}","${pem}","${pem}",,`],
    ['m.json', row('c.pem', pem).replaceAll('\\n', '\n')],
    ['m.json', row('c.pem', pem).replace('"key"', `"${body}"`)],
  ] as const;
  for (const [name, text] of written) {
    const error = (await read(name, text).catch((refused: unknown) => refused)) as Error;
    expect(error).toBeInstanceOf(Refused);
    expect(error.message).not.toMatch(/topsecret|MIGH|BEGIN/);
  }
});

test('Columns are told once, not once a row', async () => {
  const rows = `${A},S1,M\n${B},S2,M\n`;
  expect(await problems('m.csv', `hubid,serial,model\n${rows}`)).toEqual([
    '1 hubid the column is unknown',
    'null hubId the column is missing',
    'null vendorName the column is missing',
  ]);
  expect(await problems('m.csv', `hubId,serial,serial,model,vendorName\n`)).toEqual(['1 serial the column is repeated']);
  const hub = { serial: 'S1', model: 'M', vendorName: 'V' };
  expect(
    await problems(
      'm.json',
      JSON.stringify([
        { ...hub, hubID: A },
        { ...hub, hubID: B },
      ]),
    ),
  ).toEqual(['1 hubID the column is unknown', 'null hubId the column is missing']);
  expect(await problems('m.csv', rows)).toEqual(['1  its first line names no column']);
  expect(await problems('m.json', JSON.stringify([{ ...hub, hubId: A }, { hubId: B }]))).toEqual([
    '2 serial it is missing',
    '2 model it is missing',
    '2 vendorName it is missing',
  ]);
});

test.each([';', '\t'])('Other separators are recognised: "%s"', async (separator) => {
  const text = `${HEAD}\n${A},S1,M,V,,,\n`.replaceAll(',', separator);
  expect(await problems('m.csv', text)).toEqual([expect.stringContaining('its fields are separated by')]);
});

test('A byte order mark is no part of the text; another encoding is refused with what to do', async () => {
  const list = [{ hubId: A, serial: 'S1', model: 'M', vendorName: 'Schlösser', thingName: null, key: null }];
  for (const [name, text] of [
    ['m.json', JSON.stringify(list)],
    ['m.csv', `${HEAD}\n${A},S1,M,Schlösser,,,\n`],
  ] as const) {
    expect(await read(name, `\uFEFF${text}`)).toMatchObject([{ hubId: A, vendorName: 'Schlösser', thingName: null, keyPath: null }]);
    for (const encoding of ['latin1', 'utf16le'] as const) {
      await writeFile(join(folder, name), Buffer.from(`\uFEFF${text}`, encoding));
      await expect(readManifest(join(folder, name))).rejects.toThrow(/is not text in UTF-8\. Save it as "CSV UTF-8"/);
    }
  }
});
