import { isIP } from 'node:net';
import type { ExtendedKeyUsage, JsonGeneralName } from '@peculiar/x509';
import type { Credentials, Pki } from './types.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
/** A run's certificates need not outlive a long debugging session; a year also covers virtual machines with a stale clock. */
const VALIDITY_DAYS = 365;

interface Validity {
  notBefore: Date;
  notAfter: Date;
}

/** Makes a root in memory. Nothing touches the disk: the caller writes what a process needs. */
export async function createPki(): Promise<Pki> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const crypto = globalThis.crypto;
  const newKeys = () => crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const rootName = 'CN=Twin Root CA, O=Hub Agent Harness';
  const rootKeys = await newKeys();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: rootName,
    serialNumber: serialNumber(),
    ...defaultValidity(),
    keys: rootKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(rootKeys.publicKey),
    ],
  });

  async function issue(commonName: string, usage: ExtendedKeyUsage, hosts: string[], validity: Validity): Promise<Credentials> {
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      subject: [{ CN: [commonName] }],
      issuer: rootName,
      serialNumber: serialNumber(),
      ...validity,
      publicKey: keys.publicKey,
      signingKey: rootKeys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        ...(hosts.length > 0 ? [new x509.SubjectAlternativeNameExtension(hosts.map(alternativeName))] : []),
        await x509.AuthorityKeyIdentifierExtension.create(rootKeys.publicKey),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    const privateKey = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
    return { certificate: `${certificate.toString('pem')}\n`, privateKey: `${privateKey}\n` };
  }

  return {
    caCertificate: `${root.toString('pem')}\n`,
    issueServer: (hosts) => issue(hosts[0] ?? 'localhost', x509.ExtendedKeyUsage.serverAuth, hosts, defaultValidity()),
    issueClient: (commonName, validity) => issue(commonName, x509.ExtendedKeyUsage.clientAuth, [], validity ?? defaultValidity()),
    async revoke(certificates) {
      const { notBefore: thisUpdate, notAfter: nextUpdate } = defaultValidity();
      const list = await x509.X509CrlGenerator.create({
        issuer: rootName,
        thisUpdate,
        nextUpdate,
        entries: certificates.map((pem) => ({ serialNumber: new x509.X509Certificate(pem).serialNumber, revocationDate: thisUpdate })),
        signingKey: rootKeys.privateKey,
        signingAlgorithm: ALGORITHM,
        extensions: [await x509.AuthorityKeyIdentifierExtension.create(rootKeys.publicKey)],
      });
      // OpenSSL reads no other label.
      return `${x509.PemConverter.encode(list.rawData, 'X509 CRL')}\n`;
    },
  };
}

/** From yesterday, so that a peer whose clock is a little behind accepts it. */
function defaultValidity(): Validity {
  const now = Date.now();
  return { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + VALIDITY_DAYS * DAY_MS) };
}

/** 16 random bytes in hex; the first bit stays clear because a serial number is a positive integer (RFC 5280, 4.1.2.2). */
function serialNumber(): string {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x01;
  return Buffer.from(bytes).toString('hex');
}

function alternativeName(host: string): JsonGeneralName {
  return { type: isIP(host) > 0 ? 'ip' : 'dns', value: host };
}
