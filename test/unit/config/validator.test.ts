import { createPrivateKey, generateKeyPairSync, type KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { tlsRefusal } from '../../../agent/cloud/connection/tls-context.ts';
import { type CredentialFinding, type CredentialTexts, validateCredentials } from '../../../agent/config/validator.ts';
import { CREDENTIAL_WEIGHTS } from '../../../agent/contract/tls.ts';
import { createRandom } from '../../support/random.ts';
import { createPki } from '../../twins/pki/pki.ts';

const DAY_MS = 86_400_000;
const now = new Date();
const pki = await createPki();
const pair = await pki.issueClient('hub');
const other = await pki.issueClient('other');
const server = await pki.issueServer(['localhost']);
const authority = pki.caCertificate;
const revocations = await pki.revoke([other.certificate]);
/** Made with openssl, for good: nothing here makes certificates of this version. */
const ROOT_OF_VERSION_1 = `-----BEGIN CERTIFICATE-----
MIIBNDCB2wIUQlTDoOVgNMknk8R0lZFx1jTFapUwCgYIKoZIzj0EAwIwHDEaMBgG
A1UEAwwRUm9vdCBvZiB2ZXJzaW9uIDEwIBcNMjYxMTI5MTMwODA2WhgPMjEyNjEx
MDUxMzA4MDZaMBwxGjAYBgNVBAMMEVJvb3Qgb2YgdmVyc2lvbiAxMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEXT6Blys7Yq7xE43eFZFfDfZDSnUrR6oABy0eIm75
E0Ft1kl0xoBk+eQb+513VVk4jrD/3zcKZAxN1k/AQ+dd9TAKBggqhkjOPQQDAgNI
ADBFAiBU1npJ5JlUBYohjBxGwA7nXBYmUHIuWvviEKl5AM+7/gIhANlR/xRUN9KU
xJsltso90gsemIKsGqCBOzPqvbjjjcOE
-----END CERTIFICATE-----
`;
const relabel = (pem: string, label: string) => pem.replaceAll('CERTIFICATE', label);
const sec1 = createPrivateKey(pair.privateKey).export({ type: 'sec1', format: 'pem' }) as string;

const texts = (changed: Partial<CredentialTexts>): CredentialTexts => ({
  certificate: pair.certificate,
  privateKey: pair.privateKey,
  authorities: authority,
  ...changed,
});
const validate = (changed: Partial<CredentialTexts>) => validateCredentials(texts(changed), { now });
const weightOf = ({ reason }: CredentialFinding) => CREDENTIAL_WEIGHTS[reason];
const faults = (findings: CredentialFinding[]) => findings.filter((finding) => weightOf(finding) === 'fault').map(({ part }) => part);

/** A pair with a key of another kind; the certificate is signed with itself. */
async function pairOf(name: 'Ed25519' | 'RSA', bits = 2048) {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const algorithm =
    name === 'Ed25519'
      ? { name }
      : { name: 'RSASSA-PKCS1-v1_5', modulusLength: bits, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=hub',
    notBefore: new Date(now.getTime() - DAY_MS),
    notAfter: new Date(now.getTime() + DAY_MS),
    keys,
    signingAlgorithm: algorithm,
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { certificate: certificate.toString('pem'), privateKey: x509.PemConverter.encode(key, 'PRIVATE KEY') };
}

test('a good set is taken by the SDK as it is handed on', () => {
  const { findings, certificate, privateKey, authorities } = validate({});
  expect(findings).toEqual([]);
  expect(tlsRefusal({ certificate: certificate!, privateKey: privateKey! })).toBeNull();
  expect(tlsRefusal({ authorities: authorities! })).toBeNull();
});

test.each<[string, Partial<CredentialTexts>, string, RegExp]>([
  ['certificate and key in one file', { certificate: pair.certificate + pair.privateKey }, 'certificate', /private key/],
  ['key and certificate in one file', { certificate: pair.privateKey + pair.certificate }, 'certificate', /private key/],
  ['a traditional key beside the certificate', { certificate: pair.certificate + sec1 }, 'certificate', /private key/],
  ['TRUSTED CERTIFICATE', { certificate: relabel(pair.certificate, 'TRUSTED CERTIFICATE') }, 'certificate', /TRUSTED CERTIFICATE/],
  ['X509 CERTIFICATE as authority', { authorities: relabel(authority, 'X509 CERTIFICATE') }, 'authorities', /X509 CERTIFICATE/],
  ['a revocation list behind the authorities', { authorities: authority + revocations }, 'authorities', /X509 CRL/],
  ['a revocation list before the authorities', { authorities: revocations + authority }, 'authorities', /X509 CRL/],
  ["an authority's key among the authorities", { authorities: authority + other.privateKey }, 'authorities', /private key/],
  ['a second authority that was cut off', { authorities: authority + authority.slice(0, 200) }, 'authorities', /no end/],
  ['an END of another kind', { certificate: pair.certificate.replace('END CERTIFICATE', 'END X') }, 'certificate', /damaged/],
  ['a boundary inside a line', { certificate: `pem: ${pair.certificate}` }, 'certificate', /damaged/],
  ['line breaks written out', { certificate: pair.certificate.replaceAll('\n', '\\n') }, 'certificate', /damaged/],
  ['escapes in a label', { authorities: relabel(authority, '\u001b[2JX') }, 'authorities', /unknown kind/],
])('%s is refused in words', (_what, changed, part, words) => {
  const { findings, ...result } = validate(changed);
  const own = findings.filter((finding) => finding.part === part && weightOf(finding) === 'fault');
  expect(own).toHaveLength(1);
  expect(`${own[0]!.message} ${own[0]!.remedy}`).toMatch(words);
  expect(own[0]!.message + own[0]!.remedy).not.toMatch(/\p{Cc}/u);
  expect(result[part as 'certificate']).toBeNull();
});

test.each<[string, () => KeyObject]>([
  ['Ed25519', () => generateKeyPairSync('ed25519').privateKey],
  ['Ed448', () => generateKeyPairSync('ed448').privateKey],
  ['RSA-PSS', () => generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey],
  ['RSA 1024', () => generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey],
  ['secp256k1', () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey],
  ['P-224', () => generateKeyPairSync('ec', { namedCurve: 'secp224r1' }).privateKey],
  ['brainpool', () => generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' }).privateKey],
  ['DSA', () => generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 }).privateKey],
])('a key of the kind %s is refused, whether or not its certificate is there', (_kind, make) => {
  const privateKey = make().export({ type: 'pkcs8', format: 'pem' }) as string;
  const { findings } = validate({ certificate: null, privateKey });
  expect(findings).toEqual([
    expect.objectContaining({ part: 'privateKey', reason: 'key_kind', message: expect.stringContaining('no key of') }),
  ]);
});

test.each(['secp384r1', 'secp521r1'])('a key on %s is taken', (namedCurve) => {
  const privateKey = generateKeyPairSync('ec', { namedCurve }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  expect(validate({ certificate: null, privateKey }).findings).toEqual([]);
});

test('an Ed25519 pair is refused by us and by the SDK; an RSA pair is taken by both', async () => {
  const ed = await pairOf('Ed25519');
  expect(faults(validate(ed).findings)).toEqual(['privateKey']);
  expect(faults(validate({ ...ed, privateKey: null }).findings)).toEqual(['certificate']);
  const made = validate(ed);
  expect(tlsRefusal({ certificate: made.certificate!, privateKey: made.privateKey! })).toMatchObject({ part: 'certificate' });
  const rsa = validate(await pairOf('RSA'));
  expect(faults(rsa.findings)).toEqual([]);
  expect(tlsRefusal({ certificate: rsa.certificate!, privateKey: rsa.privateKey! })).toBeNull();
});

test.each<[string, string, string, RegExp]>([
  ["the hub's own certificate alone", pair.certificate, 'authorities_unusable', /own certificate/],
  ["the hub's own certificate beside the authority", authority + pair.certificate, 'authority_unusable', /own certificate/],
  ['the certificate of another hub', other.certificate, 'authority_unusable', /CA:FALSE/],
  ['the certificate of the cloud itself, which the SDK takes for that server', server.certificate, 'authority_unusable', /CA:FALSE/],
])('as authorities, %s: named with a remedy', (_what, authorities, reason, words) => {
  const { findings } = validate({ authorities });
  expect(findings).toEqual([
    { part: 'authorities', reason, message: expect.stringMatching(words), remedy: expect.stringContaining('root') },
  ]);
});

test('a root of version 1 has no constraints, and is an authority', () => {
  expect(validate({ authorities: ROOT_OF_VERSION_1 }).findings).toEqual([]);
});

test.each<[string, Partial<CredentialTexts>, RegExp]>([
  ['two keys', { privateKey: pair.privateKey + other.privateKey }, /2 private keys/],
  ['a certificate beside the key', { privateKey: pair.privateKey + pair.certificate }, /CERTIFICATE beside/],
  ['an unrelated certificate behind the own', { certificate: pair.certificate + other.certificate }, /no chain/],
])('%s: doubtful, and the SDK gets the part that was judged alone', (_what, changed, words) => {
  const { findings, certificate, privateKey } = validate(changed);
  expect(findings).toEqual([expect.objectContaining({ message: expect.stringMatching(words) })]);
  expect(findings.map(weightOf)).toEqual(['doubt']);
  expect(privateKey!.reveal()).toBe(pair.privateKey);
  expect(tlsRefusal({ certificate: certificate!, privateKey: privateKey! })).toBeNull();
});

test('the issuer behind the certificate is a chain; Windows line ends, indents, comments and EC parameters do no harm', () => {
  const spelled = (pem: string) => `subject=hub\r\n${pem.replaceAll('\n', '\r\n  ')}`;
  const { findings, certificate, privateKey } = validate({
    certificate: spelled(pair.certificate + authority),
    privateKey: `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${sec1}`,
  });
  expect(findings).toEqual([]);
  expect(certificate).toBe(pair.certificate + authority);
  expect(privateKey!.reveal()).toBe(pair.privateKey);
});

test('a certificate for servers, or with a weak signature, is doubtful', async () => {
  const server = await pki.issueServer(['localhost']);
  const { findings } = validate({ certificate: server.certificate, privateKey: server.privateKey });
  expect(findings).toEqual([expect.objectContaining({ part: 'certificate', reason: 'unsuitable' })]);
  const { findings: found } = validate(await pairOf('Ed25519'));
  expect(found.some(({ reason, message }) => reason === 'unsuitable' && message.includes('signed with'))).toBe(true);
});

test('a bit that flips anywhere in a certificate is validated, never thrown: of the own, behind it, and of an authority', () => {
  const random = createRandom(20_261_128);
  const { raw } = new X509Certificate(pair.certificate);
  for (let at = 0; at < raw.length; at += 1) {
    const der = Buffer.from(raw);
    der[at]! ^= 1 << (random.byte() & 7);
    const damaged = `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
    const { findings, own } = validate({ certificate: damaged, authorities: damaged });
    if (faults(findings).length === 0) expect(own?.publicKey.asymmetricKeyType, `byte ${at}`).toBe('ec');
    validate({ certificate: damaged, privateKey: null });
    validate({ certificate: pair.certificate + damaged });
  }
});
