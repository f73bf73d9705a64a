import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runHubctl } from '../rig/hubctl.ts';
import { createRig } from '../rig/rig.ts';

/** The DER bytes of a certificate in PEM, changed. */
function changed(pem: string, change: (der: Buffer) => void): string {
  const der = new X509Certificate(pem).raw;
  change(der);
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
}

/** Tags of DER (X.690): UTCTime with 13 characters, and the bit string with an uncompressed P-256 point. */
const UTC_TIME = Buffer.from([0x17, 13]);
const POINT = Buffer.from([0x03, 66, 0x00, 0x04]);

function flip(der: Buffer, at: number, bits: number): void {
  der[at]! ^= bits;
}

test.each<[string, (der: Buffer) => void, RegExp]>([
  ['the month of its end', (der) => flip(der, der.lastIndexOf(UTC_TIME) + 4, 0x08), /dates of its validity/],
  ['its public key', (der) => flip(der, der.indexOf(POINT) + 4, 0x01), /public key/],
  ['the curve of its public key', (der) => flip(der, der.indexOf(POINT) - 1, 0x01), /public key/],
])('A bit that flipped in the certificate, in %s, is named by the start, the check, and the doctor', async (_what, damage, words) => {
  await using rig = await createRig();
  const path = join(rig.folder, 'etc', 'certificate.pem');
  await writeFile(path, changed(await readFile(path, 'utf8'), damage));
  for (const args of [[], ['--check']]) {
    const agent = rig.startAgent({ args });
    expect(await agent.exited, agent.output()).toBe(78);
    expect(agent.output()).toMatch(words);
    expect(agent.output()).toContain('certificatePath');
  }
  const { code, terminal } = await runHubctl(rig, 'doctor --check config');
  expect(code).toBe(1);
  expect(terminal.text()).toMatch(words);
});
