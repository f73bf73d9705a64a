import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { createPki } from './pki.ts';
import type { Credentials, Pki } from './types.ts';

test('issues a server certificate for names and addresses that the root verifies', async () => {
  const pki = await createPki();
  const { certificate, privateKey } = await pki.issueServer(['localhost', '127.0.0.1', '::1']);
  const root = new X509Certificate(pki.caCertificate);
  const server = new X509Certificate(certificate);
  expect(root.ca).toBe(true);
  expect(server.ca).toBe(false);
  expect(server.checkIssued(root)).toBe(true);
  expect(server.verify(root.publicKey)).toBe(true);
  expect(server.checkHost('localhost')).toBe('localhost');
  expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(server.checkIP('::1')).toBe('::1');
  expect(server.checkHost('elsewhere')).toBeUndefined();
  expect(server.checkPrivateKey(createPrivateKey(privateKey))).toBe(true);
});

test('issues client certificates on P-256, valid from yesterday for a year', async () => {
  const pki = await createPki();
  const { certificate, privateKey } = await pki.issueClient('hub-1');
  const client = new X509Certificate(certificate);
  expect(client.subject).toBe('CN=hub-1');
  expect(client.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  expect(createPrivateKey(privateKey).asymmetricKeyType).toBe('ec');
  expect(Date.parse(client.validFrom)).toBeLessThan(Date.now() - 3_600_000);
  expect(Date.parse(client.validTo)).toBeGreaterThan(Date.now() + 300 * 86_400_000);
});

test('validity can be set, to make an expired certificate', async () => {
  const pki = await createPki();
  const notAfter = new Date(Date.now() - 86_400_000);
  const { certificate } = await pki.issueClient('hub-1', { notBefore: new Date(notAfter.getTime() - 1000), notAfter });
  expect(Date.parse(new X509Certificate(certificate).validTo)).toBeLessThan(Date.now());
});

test('two roots do not accept each other, and serial numbers are unique', async () => {
  const [first, second] = await Promise.all([createPki(), createPki()]);
  const mine = new X509Certificate((await first.issueClient('a')).certificate);
  const mineToo = new X509Certificate((await first.issueClient('a')).certificate);
  expect(mine.verify(new X509Certificate(second.caCertificate).publicKey)).toBe(false);
  expect(mine.serialNumber).not.toBe(mineToo.serialNumber);
});

test('a revocation list names the certificates that OpenSSL then refuses, and no other', async () => {
  const pki = await createPki();
  const [revoked, good] = await Promise.all([pki.issueClient('revoked'), pki.issueClient('good')]);
  const ca = [pki.caCertificate];
  const crl = await pki.revoke([revoked.certificate]);
  /** What a server that knows the list says to a client. */
  const errorOf = async ({ certificate, privateKey }: Credentials) => {
    const server = createServer({ ...(await serverOf(pki)), ca, crl, requestCert: true, rejectUnauthorized: false });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect({ port, host: '127.0.0.1', ca, cert: certificate, key: privateKey });
    const [socket] = (await once(server, 'secureConnection')) as [TLSSocket];
    const said = socket.authorizationError;
    client.destroy();
    server.close();
    return said;
  };
  expect(await errorOf(revoked)).toBe('CERT_REVOKED');
  expect(await errorOf(good)).toBeNull();
});

async function serverOf(pki: Pki): Promise<{ cert: string; key: string }> {
  const { certificate, privateKey } = await pki.issueServer(['127.0.0.1']);
  return { cert: certificate, key: privateKey };
}
