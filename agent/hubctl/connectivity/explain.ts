import { isIPv6 } from 'node:net';
import { MQTT_ALPN, MQTT_PORT_443 } from '../../contract/endpoint.ts';

/** A failure in words: what it means, and what mends it. */
export interface Explanation {
  finding: string;
  remedy: string;
}

const explained = (finding: string, remedy: string): Explanation => ({ finding, remedy });

/** Where the way leads. */
export interface Destination {
  host: string;
  port: number;
  /** Where the agent goes when nobody answers on `port`; null: nowhere. */
  fallbackPort: number | null;
}

const CONFIG = '/etc/hub-agent/agent.json';
/** Of Debian's base and NetworkManager; systemd-resolved may not be there. */
const LOOK_AT_DNS = 'cat /etc/resolv.conf; nmcli device show';
const LOOK_AT_CLOCK = 'timedatectl; sudo timedatectl set-ntp true';
const INSTALL = '`sudo hub-agent --install-credentials DIR && sudo systemctl restart hub-agent`';

/** Why a name has no address (getaddrinfo(3)). */
export function explainDns(code: string, host: string): Explanation {
  switch (code) {
    case 'ENOTFOUND':
      return explained(
        `the name ${host} does not exist`,
        `Correct cloud.endpoint in ${CONFIG}: \`aws iot describe-endpoint --endpoint-type iot:Data-ATS\``,
      );
    case 'EAI_AGAIN':
    case 'ETIMEDOUT':
    case 'ETIMEOUT':
      return explained(`no DNS server answers for ${host}`, `${LOOK_AT_DNS}; ip route`);
    default:
      return explained(`the name ${host} cannot be resolved (${code})`, LOOK_AT_DNS);
  }
}

/** Why nothing can be reached: no default route (ip-route(8)). `what` failed for it. */
export function explainNoRoute(what: string): Explanation {
  return explained(`this hub has no route to any network: ${what}`, 'nmcli device status; ip route');
}

/** What connect(2) answers when the packet did not leave the hub, or the network sent it back. */
const UNREACHABLE = ['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL'];

/** Whether a hub without a route would fail like this. */
export const isUnreachable = (code: string): boolean => UNREACHABLE.includes(code);

/** Why a TCP connection was not made (connect(2)). */
export function explainTcp(code: string, { host, port, fallbackPort }: Destination): Explanation {
  switch (code) {
    case 'ECONNREFUSED':
      return explained(
        `${host} refuses connections on port ${port}`,
        'Correct cloud.endpoint and cloud.port, or the firewall that answers in its place.',
      );
    case 'ETIMEDOUT': {
      const meanwhile = port === MQTT_PORT_443 || fallbackPort !== null ? '' : `; until then set "port": ${MQTT_PORT_443} in ${CONFIG}`;
      return explained(
        `${host} does not answer on port ${port}: a firewall drops it, or the way is gone`,
        `Open outgoing TCP ${port} in the firewall of the site${meanwhile}`,
      );
    }
    case 'EHOSTUNREACH':
      return explained(`${host} is unreachable on port ${port}: the gateway is silent, or a firewall refuses`, 'ip route; ip neighbour');
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return explained('there is no route to the network', 'ip route; ip address; nmcli device status');
    default:
      return explained(`port ${port} of ${host} cannot be reached (${code})`, 'ip route; ip address');
  }
}

/** Why a TLS handshake failed (OpenSSL's verification codes and alerts, as Node names them). */
export function explainTls(code: string, message: string, { host, port }: Pick<Destination, 'host' | 'port'>): Explanation {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return explained("the server's certificate counts as expired: it is, or the clock is ahead", LOOK_AT_CLOCK);
    case 'CERT_NOT_YET_VALID':
      return explained("the server's certificate counts as not valid yet: the clock is behind", LOOK_AT_CLOCK);
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'CERT_SIGNATURE_FAILURE':
      return explained(
        'the server shows a certificate that cloud.caPath did not sign: a wrong CA file, or a proxy that opens TLS',
        'Install Amazon Root CA 1 as cloud.caPath (https://www.amazontrust.com/repository/AmazonRootCA1.pem), or except the endpoint from TLS inspection.',
      );
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return explained(
        'the server shows a certificate for another name',
        'Correct cloud.endpoint in /etc/hub-agent/agent.json; use the -ats endpoint.',
      );
    case 'ERR_OSSL_X509_KEY_VALUES_MISMATCH':
      return explained('the private key does not belong to the certificate', `Install the pair that was made together: ${INSTALL}`);
    default:
      break;
  }
  if (
    /CERTIFICATE_REQUIRED|certificate required|ALERT_BAD_CERTIFICATE|bad certificate|unknown ca|CERTIFICATE_UNKNOWN|certificate unknown|handshake failure/i.test(
      `${code} ${message}`,
    )
  ) {
    return explained(
      "the cloud does not accept the hub's certificate",
      'Check in AWS IoT that the certificate is ACTIVE and registered in this account and region.',
    );
  }
  if (/EXPIRED/i.test(`${code} ${message}`)) {
    return explained("the hub's certificate has expired", `Make a new certificate for this Thing: ${INSTALL}`);
  }
  if (/REVOKED/i.test(`${code} ${message}`)) {
    return explained("the hub's certificate was revoked", `Ask in AWS IoT who revoked it, and make a new one for this Thing: ${INSTALL}`);
  }
  if (code === 'ETIMEDOUT')
    return explained(
      'the server does not finish the handshake',
      `A firewall that inspects TLS, or an MTU that is too large: \`ping -M do -s 1400 ${host}\``,
    );
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return explained(
      'the connection was cut in the handshake: no TLS there, or a firewall that does not let it through',
      'Check cloud.port, and ask for an exception from TLS inspection.',
    );
  }
  const authority = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
  return explained(`the TLS handshake failed (${code})`, `openssl s_client -connect ${authority} -alpn ${MQTT_ALPN}`);
}

/** Why a CONNECT was refused (MQTT 5, section 3.2.2.2; AWS IoT's use of the codes). */
export function explainConnack(reason: number): Explanation {
  const hex = `0x${reason.toString(16)}`;
  switch (reason) {
    case 0x85:
      return explained(
        `the client id is refused (${hex})`,
        'The thing name in /etc/hub-agent/identity.json must be the Thing of the certificate.',
      );
    case 0x86:
    case 0x87:
      return explained(
        `the hub is not authorised to connect (${hex})`,
        'Attach to the certificate a policy that allows iot:Connect on the client id of the Thing, and the certificate to the Thing.',
      );
    case 0x97:
      return explained(`a quota is exceeded (${hex})`, 'Wait a minute; then look for a second client with the same identity.');
    case 0x9f:
      return explained(`too many connects in a second (${hex})`, 'Wait a minute; then look for a second client with the same identity.');
    case 0x88:
    case 0x89:
      return explained(`the service is not available (${hex})`, 'Look at the AWS Health Dashboard of the region.');
    default:
      return explained(`the cloud refuses the connection (${hex})`, "Look at AWS IoT's logs in CloudWatch (AWSIotLogsV2).");
  }
}
