import { expect, test } from 'vitest';
import { installedParts } from '../../../agent/release/installed-parts.ts';
import { manifestText } from '../../../agent/release/manifest.ts';
import { FACTORY } from '../../../agent/release/state.ts';
import { filesOf, manifestOf } from '../updater/hub.ts';

const factory = manifestOf(10, filesOf('factory'));
const later = manifestOf(20, { ...filesOf('factory'), 'hub-agent.cjs': 'agent 20', 'native/aws-crt.node': 'native 20' });
const hashOf = (manifest: typeof factory, name: string) => manifest.parts.find((part) => part.name === name)!.sha256;
const read = (files: Record<string, string>) => async (path: string) => (path in files ? Buffer.from(files[path]!) : null);
const places = { factory: '/package', releases: '/releases' };
const first = { current: FACTORY, previous: FACTORY };

test('Over the package alone every part that is taken over is copied', async () => {
  const found = await installedParts(read({ '/package/release.json': manifestText(factory) }), places, first);
  expect(found.installed).toEqual(new Set(factory.parts.map(({ sha256 }) => sha256)));
  expect(found.copied).toEqual(found.installed);
});

test('What a later release has gets one more name; what only the package has is copied', async () => {
  const files = { '/package/release.json': manifestText(factory), '/releases/20/release.json': manifestText(later) };
  const { installed, copied } = await installedParts(read(files), places, { ...first, current: { sequence: 20, requiresSystem: 1 } });
  expect(installed.has(hashOf(factory, 'native/aws-crt.node'))).toBe(true);
  expect(installed.has(hashOf(later, 'native/aws-crt.node'))).toBe(true);
  expect(copied).toEqual(new Set([hashOf(factory, 'hub-agent.cjs'), hashOf(factory, 'native/aws-crt.node')]));
});

test('A manifest that cannot be read counts as none', async () => {
  const failing = async (path: string) => {
    if (path.startsWith('/releases')) throw new Error('EIO');
    return Buffer.from('{');
  };
  const { installed, copied } = await installedParts(failing, places, { ...first, current: { sequence: 20, requiresSystem: 1 } });
  expect([installed.size, copied.size]).toEqual([0, 0]);
});
