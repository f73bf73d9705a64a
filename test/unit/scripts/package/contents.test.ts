import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { collectFiles, foreignBinaries } from '../../../../scripts/package/contents.ts';
import { controlFields } from '../../../../scripts/package/control.ts';
import { readElf } from '../../../../scripts/package/elf.ts';
import { collectLicences } from '../../../../scripts/package/licences.ts';
import { nodeRuntime } from '../../../../scripts/package/runtime.ts';

const ROOT = resolve(import.meta.dirname, '../../../..');

/** The first bytes of a 64-bit little-endian ELF file for a processor. */
function elf(machine: number): Buffer {
  const header = Buffer.alloc(64);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(machine, 18);
  return header;
}
const AMD64 = elf(62);
const ARM64 = elf(183);

function fakeBuild(native: Buffer): string {
  const dist = mkdtempSync(join(tmpdir(), 'package-test-'));
  onTestFinished(() => rmSync(dist, { recursive: true, force: true }));
  mkdirSync(join(dist, 'native'));
  for (const name of ['hub-agent.cjs', 'hubctl.cjs', 'node-wifi-worker.cjs', 'zigbee-host.cjs', 'hub-updater.cjs'])
    writeFileSync(join(dist, name), '');
  writeFileSync(join(dist, 'VERSION'), '0.0.0\n');
  writeFileSync(join(dist, 'native/aws-crt.node'), native);
  writeFileSync(join(dist, 'native/serialport.node'), native);
  return dist;
}

test('The running Node is read as what it is', () => {
  const header = readElf(readFileSync(process.execPath));
  expect(header).toEqual({ bits: 64, littleEndian: true, machine: process.arch === 'arm64' ? 'arm64' : 'amd64' });
  expect(readElf(Buffer.from('#!/bin/sh\n'))).toBeNull();
});

test('A package has the agent, its Node, what systemd needs, and nothing that belongs to a certain hub', async () => {
  const files = await collectFiles({ root: ROOT, dist: fakeBuild(ARM64), node: ARM64, licences: 'text' });
  const modes = Object.fromEntries(files.map(({ path, mode }) => [path, mode]));
  expect(modes).toMatchObject({
    'usr/lib/hub-agent/node': 0o755,
    'usr/lib/hub-agent/start-pace': 0o755,
    'usr/lib/hub-agent/launch': 0o755,
    'usr/lib/hub-agent/hub-updater.cjs': 0o644,
    'usr/lib/systemd/system/hub-agent-update.service': 0o644,
    'usr/lib/systemd/system/hub-agent-update.path': 0o644,
    'usr/lib/systemd/system/hub-agent-trial.timer': 0o644,
    'usr/lib/hub-agent/native/aws-crt.node': 0o644,
    'usr/lib/systemd/system/hub-agent.service': 0o644,
    'usr/lib/sysusers.d/hub-agent.conf': 0o644,
    'usr/lib/tmpfiles.d/hub-agent.conf': 0o644,
    'usr/share/polkit-1/rules.d/50-hub-agent.rules': 0o644,
    'usr/bin/hubctl': 0o755,
    'usr/share/doc/hub-agent/copyright': 0o644,
  });
  expect(Object.keys(modes).filter((path) => !path.startsWith('usr/'))).toEqual([]);
  expect(foreignBinaries(files, 'arm64')).toEqual([]);
});

test('A binary of another processor, or none at all, is named', async () => {
  const sources = { root: ROOT, dist: fakeBuild(AMD64), node: ARM64, licences: '' };
  expect(foreignBinaries(await collectFiles(sources), 'arm64').sort()).toEqual([
    'usr/lib/hub-agent/native/aws-crt.node is for amd64, not arm64',
    'usr/lib/hub-agent/native/serialport.node is for amd64, not arm64',
  ]);
  const broken = await collectFiles({ ...sources, node: Buffer.from('not found') });
  expect(foreignBinaries(broken, 'amd64')).toEqual(['usr/lib/hub-agent/node is no ELF binary']);
});

test('The licences name every kind of thing that is inside', async () => {
  const text = await collectLicences(ROOT, { version: '24.0.0', licence: Buffer.from('Licence of Node') });
  for (const name of ['hub-agent (Apache-2.0)', 'Licence of Node', 'aws-crt 1', '@serialport/bindings-cpp 13', 'zod 4', 'pino 10'])
    expect(text).toContain(name);
  expect(text).not.toContain('vitest');
});

test('The pinned runtime is the Node of package.json', async () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  await expect(nodeRuntime('arm64', '99.0.0', '/nonexistent')).rejects.toThrow('pin the new one');
  const source = readFileSync(join(ROOT, 'scripts/package/runtime.ts'), 'utf8');
  expect(source).toContain(`version: '${manifest.dependencies.node}'`);
});

test('It depends on nothing that a plain Debian 12 lacks', () => {
  const fields = controlFields({ arch: 'arm64', version: '1.0-1', description: 'x' });
  const names = `${fields.Depends}, ${fields['Pre-Depends']}`.split(', ').map((one) => one.split(' ')[0]);
  expect(names.sort()).toEqual(['init-system-helpers', 'libc6', 'libgcc-s1', 'libstdc++6', 'passwd', 'systemd']);
});
