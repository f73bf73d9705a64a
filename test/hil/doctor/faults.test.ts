import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { canMount } from '../../support/privileges.ts';
import { createPki } from '../../twins/pki/pki.ts';
import type { Pki } from '../../twins/pki/types.ts';
import { createRig } from '../rig/rig.ts';
import { at, examine } from './examine.ts';
import { BUSES_FAULTS } from './faults/buses.ts';
import { CLOUD_FAULTS } from './faults/cloud.ts';
import { FILES_FAULTS } from './faults/files.ts';
import { SERVICE_FAULTS } from './faults/service.ts';
import { WIFI_FAULTS } from './faults/wifi.ts';

const FAULTS = [...SERVICE_FAULTS, ...FILES_FAULTS, ...CLOUD_FAULTS, ...BUSES_FAULTS, ...WIFI_FAULTS];
const MOUNTS = await canMount();

let foreign: Pki;
beforeAll(async () => {
  foreign = await createPki();
});

describe.concurrent('the doctor finds', () => {
  test.each(FAULTS)('$what', async ({ check, status = 'fail', finding, remedy, config = {}, line = false, make, ports }) => {
    await using rig = await createRig({ config, ...(line && { peripherals: [] }) });
    await make?.(rig, join(rig.folder, 'etc'), foreign);
    const results = await examine(rig, check, await ports?.(rig));
    const found = results.filter((result) => result.status === status);
    expect(results, JSON.stringify(results)).toContainEqual(expect.objectContaining({ check, status }));
    expect(found.map((result) => result.finding).join('\n')).toMatch(finding);
    expect(found.map((result) => result.remedy).join('\n')).toMatch(remedy);
    expect(found[0]!.why).not.toBe('');
  });

  test('a clock at 1970 before all else, and the certificate as its consequence, without a remedy of its own', async () => {
    await using rig = await createRig();
    const [clock, certificate] = await examine(rig, 'certificate,clock', at('1970-01-01T01:00:00Z'));
    expect(clock).toMatchObject({ check: 'clock', status: 'fail', code: 'clock_before_build', remedy: expect.stringMatching(/set-ntp/) });
    const causedBy = { check: 'clock', code: 'clock_before_build' };
    expect(certificate).toMatchObject({ check: 'certificate', status: 'fail', code: 'certificate_not_yet_valid', causedBy });
  });

  describe.runIf(MOUNTS)('of file systems', () => {
    test.each([
      { what: 'a read-only disk', options: 'ro,size=16m', finding: /is read-only/, remedy: /remount,rw/ },
      { what: 'a disk that is really full', options: 'size=1m', finding: /is full/, remedy: /vacuum/ },
    ])('$what', async ({ options, finding, remedy }) => {
      await using rig = await createRig();
      const folder = join(rig.folder, 'state');
      await mkdir(folder, { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', '-o', `${options},mode=700`, 'tmpfs', folder]);
      try {
        const [result] = await examine(rig, 'disk');
        expect(result).toMatchObject({ status: 'fail', finding: expect.stringMatching(finding), remedy: expect.stringMatching(remedy) });
      } finally {
        execFileSync('umount', [folder]);
      }
    });
  });
});
