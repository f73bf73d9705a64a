import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runHubctl } from './rig/hubctl.ts';
import { ONE_PERIPHERAL, startOnline, untilScanned } from './rig/start.ts';

/** What depends on the machine under the test: only the keys are compared there. */
const OF_THE_MACHINE = ['host', 'clock', 'memory', 'disk', 'os', 'network', 'networks', 'cpu'];
/** What is wrong with the machine under the test is in this list. */
const PROBLEMS = 'problems';

type Shape = string | Shape[] | { [key: string]: Shape };

/** Keys and types of a JSON value. Elements of a list are alike; where they are not, the shapes are listed. */
function shapeOf(value: unknown, machine = false): Shape {
  if (value === null) return machine ? 'any' : 'null';
  if (Array.isArray(value)) {
    const shapes = value.map((each) => JSON.stringify(shapeOf(each, machine)));
    return [...new Set(shapes)].sort().map((each) => JSON.parse(each) as Shape);
  }
  if (typeof value !== 'object') return machine ? 'any' : typeof value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    entries.map(([key, each]) => [key, key === PROBLEMS ? 'list' : shapeOf(each, machine || OF_THE_MACHINE.includes(key))]),
  );
}

/** Only results with a finding of the catalogue have them, and which those are is the machine's. */
const OPTIONAL = ['code', 'subject', 'causedBy'];

/** Of the results of doctor, which differ from hub to hub: the keys that every one has. */
function keysOf(value: unknown): string {
  const found = Array.isArray(value) ? value : Object.values(value as object).flat();
  const keys = found.flatMap((each) => (typeof each === 'object' && each !== null ? Object.keys(each) : []));
  return [...new Set(keys)]
    .filter((key) => !OPTIONAL.includes(key))
    .sort()
    .join(' ');
}

/** The shapes that scripts rely on. A field that is added to the JSON is added here; none is removed, and no type changes. */
const KEPT = JSON.parse(readFileSync(new URL('./hubctl-json.json', import.meta.url), 'utf8')) as Record<
  'online' | 'offline',
  Record<string, Shape>
>;

/** Where two shapes differ. Null is a value of any field: what is not known yet, or nothing, at the moment of the question. */
function differences(kept: Shape | undefined, found: Shape | undefined, at: string): string[] {
  if (kept === 'null' || found === 'null') return [];
  if (Array.isArray(kept) && Array.isArray(found)) {
    return kept.length === 0
      ? []
      : found.flatMap((each) => (kept.some((one) => differences(one, each, at).length === 0) ? [] : differences(kept[0], each, `${at}[]`)));
  }
  if (typeof kept === 'object' && typeof found === 'object' && !Array.isArray(kept) && !Array.isArray(found)) {
    return [...new Set([...Object.keys(kept), ...Object.keys(found)])].flatMap((key) => differences(kept[key], found[key], `${at}.${key}`));
  }
  return kept === found ? [] : [`${at}: ${JSON.stringify(kept)} was kept, ${JSON.stringify(found)} is there`];
}

const LINES = [
  'status --json',
  'nodes --json',
  'nodes scan --json',
  'run server_info --json',
  'run get_nodes --json',
  'commands --json',
  'wifi status --json',
  'cloud ping --json',
  'config check --json',
  'loglevel info --json',
];

test('the JSON of hubctl keeps its keys and types, which scripts read', async () => {
  await using world = await startOnline(ONE_PERIPHERAL);
  const { rig } = world;
  await rig.claim();
  await untilScanned(rig);
  const shapes: Record<string, Shape> = {};
  for (const line of LINES) {
    const { terminal } = await runHubctl(rig, line);
    shapes[line] = shapeOf(terminal.json());
  }
  const doctor = (await runHubctl(rig, 'doctor --json')).terminal.json() as Record<string, unknown>;
  shapes['doctor --json'] = Object.keys(doctor).sort().join(' ');
  shapes['doctor --json, keys of the results'] = keysOf(doctor);
  expect(differences(KEPT.online, shapes, '')).toEqual([]);
});

test('the JSON of hubctl without an agent', async () => {
  await using world = await startOnline(ONE_PERIPHERAL);
  const { rig, agent } = world;
  await untilScanned(rig);
  await agent.stop();
  const shapes: Record<string, Shape> = {};
  for (const line of ['status --json', 'nodes --json', 'commands --json', 'run server_info --json', 'wifi status --json']) {
    const { terminal } = await runHubctl(rig, line);
    shapes[line] = shapeOf(terminal.json());
    if (line === 'nodes --json') expect(terminal.json()).toMatchObject({ nodes: [{ available: false, lastAvailable: true }] });
  }
  expect(differences(KEPT.offline, shapes, '')).toEqual([]);
});
