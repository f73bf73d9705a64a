import { describe, expect, test } from 'vitest';
import {
  explainConnack,
  explainDns,
  explainNoRoute,
  explainTcp,
  explainTls,
  isUnreachable,
  type ReachFinding,
} from '../../../../agent/hubctl/connectivity/explain.ts';

const HOST = 'x-ats.iot.eu-central-1.amazonaws.com';

/** What a person must read: a finding and a remedy, neither of them empty. */
function reads({ text, remedy }: ReachFinding, words: RegExp, help: RegExp): void {
  expect(text).toMatch(words);
  expect(remedy).toMatch(help);
}

describe('a name without an address', () => {
  test.each([
    ['ENOTFOUND', /does not exist/, /describe-endpoint/],
    ['EAI_AGAIN', /no DNS server answers/, /resolv\.conf/],
    ['ETIMEDOUT', /no DNS server answers/, /nmcli device show/],
    ['EAI_FAIL', /cannot be resolved \(EAI_FAIL\)/, /resolv\.conf/],
  ])('%s', (code, words, help) => reads(explainDns(code, HOST), words, help));
});

describe('a connection that is not made', () => {
  test.each([
    ['ECONNREFUSED', 8883, /refuses connections on port 8883/, /cloud\.port/],
    ['ETIMEDOUT', 8883, /does not answer on port 8883/, /Open outgoing TCP 8883.*"port": 443/],
    ['ETIMEDOUT', 443, /does not answer on port 443/, /Open outgoing TCP 443 in the firewall of the site$/],
    ['ENETUNREACH', 8883, /no route/, /ip route/],
    ['EHOSTUNREACH', 8883, /unreachable on port 8883: the gateway is silent, or a firewall refuses/, /ip neighbour/],
    ['EADDRNOTAVAIL', 8883, /no route/, /ip address/],
    ['EIO', 8883, /cannot be reached \(EIO\)/, /ip route/],
  ])('%s on %i', (code, port, words, help) => reads(explainTcp(code, { host: HOST, port, fallbackPort: null }), words, help));
});

test('another port as a way out only where the agent has none already', () => {
  const { remedy } = explainTcp('ETIMEDOUT', { host: HOST, port: 8883, fallbackPort: 443 });
  expect(remedy).toBe('Open outgoing TCP 8883 in the firewall of the site');
});

test('commands with the endpoint in them, which a shell takes as they stand', () => {
  expect(explainTls('EPROTO', '', { host: HOST, port: 443 }).remedy).toBe(`openssl s_client -connect ${HOST}:443 -alpn x-amzn-mqtt-ca`);
  expect(explainTls('EPROTO', '', { host: '2001:db8::1', port: 8883 }).remedy).toContain('-connect [2001:db8::1]:8883 ');
  expect(explainTls('ETIMEDOUT', '', { host: HOST, port: 8883 }).remedy).toContain(`ping -M do -s 1400 ${HOST}`);
});

test('no route at all, whatever failed for it', () => {
  expect(explainNoRoute('x')).toMatchObject({
    code: 'route_missing',
    text: 'this hub has no route to any network: x',
    remedy: 'nmcli device status; ip route',
  });
  expect(['ENETUNREACH', 'EHOSTUNREACH', 'ECONNREFUSED', 'ETIMEDOUT'].filter(isUnreachable)).toEqual(['ENETUNREACH', 'EHOSTUNREACH']);
});

describe('a handshake that fails', () => {
  test.each([
    ['CERT_HAS_EXPIRED', '', /server's certificate counts as expired/, /timedatectl/],
    ['CERT_NOT_YET_VALID', '', /clock is behind/, /timedatectl/],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', '', /cloud\.caPath did not sign/, /Amazon Root CA 1/],
    ['SELF_SIGNED_CERT_IN_CHAIN', '', /cloud\.caPath did not sign/, /TLS inspection/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', '', /another name/, /-ats endpoint/],
    ['ERR_OSSL_X509_KEY_VALUES_MISMATCH', '', /does not belong/, /made together/],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', '', /does not accept the hub's certificate/, /ACTIVE/],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'tlsv1 alert unknown ca', /does not accept the hub's certificate/, /region/],
    // OpenSSL's names of the alerts 45 and 44.
    ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED', 'ssl/tls alert certificate expired', /hub's certificate has expired/, /new certificate/],
    ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_REVOKED', 'ssl/tls alert certificate revoked', /certificate was revoked/, /--install-credentials/],
    ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'any text', /does not accept the hub's certificate/, /ACTIVE/],
    // Of the system's error only the number of the alert counts (RFC 8446, section 6.2).
    ['EPROTO', 'write EPROTO ssl/tls alert bad certificate:SSL alert number 42', /does not accept the hub's certificate/, /ACTIVE/],
    ['EPROTO', 'write EPROTO:SSL alert number 45', /hub's certificate has expired/, /new certificate/],
    ['EPROTO', 'the certificate is revoked or expired, unknown ca', /handshake failed \(EPROTO\)/, /openssl/],
    ['ETIMEDOUT', '', /does not finish the handshake/, /MTU/],
    ['ECONNRESET', '', /cut in the handshake/, /cloud\.port/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'wrong version number', /handshake failed \(ERR_SSL_WRONG_VERSION_NUMBER\)/, /openssl/],
  ])('%s', (code, message, words, help) => reads(explainTls(code, message, { host: HOST, port: 8883 }), words, help));
});

describe('a CONNECT that is refused', () => {
  test.each([
    [0x85, /client id is refused \(0x85\)/, /thing name/],
    [0x86, /not authorised.*0x86/, /iot:Connect/],
    [0x87, /not authorised.*0x87/, /iot:Connect/],
    [0x88, /not available.*0x88/, /Health Dashboard/],
    [0x89, /not available.*0x89/, /Health Dashboard/],
    [0x97, /quota.*0x97/, /second client/],
    [0x9f, /too many connects.*0x9f/, /Wait/],
    [0x80, /refuses the connection \(0x80\)/, /CloudWatch/],
  ])('%i', (reason, words, help) => reads(explainConnack(reason), words, help));
});
