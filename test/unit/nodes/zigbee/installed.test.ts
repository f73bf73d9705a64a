import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const require = createRequire(import.meta.url);
const ROOT = resolve(import.meta.dirname, '../../../..');

interface Manifest {
  version: string;
  optionalDependencies: Record<string, string>;
  overrides: Record<string, string>;
}
const manifest = (path: string) => require(join(path, 'package.json')) as Manifest;

test('the Zigbee library is installed: npm leaves an optional dependency out and reports success when one of its own is not to be had', () => {
  const { optionalDependencies, overrides } = manifest(ROOT);
  expect(manifest(join(ROOT, 'node_modules/zigbee-herdsman')).version).toBe(optionalDependencies['zigbee-herdsman']);
  expect(manifest(join(ROOT, 'node_modules/zigbee-on-host')).version).toBe(overrides['zigbee-on-host']);
});

test('the Zigbee library shares the native module of serial ports', () => {
  const of = (name: string) => createRequire(join(ROOT, 'node_modules', name, 'package.json')).resolve('@serialport/bindings-cpp');
  expect(of('zigbee-herdsman')).toBe(of('serialport'));
  expect(manifest(join(ROOT, 'node_modules/@serialport/bindings-cpp')).version).toBe(manifest(ROOT).overrides['@serialport/bindings-cpp']);
});
