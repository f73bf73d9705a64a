import { isIPv6 } from 'node:net';
import type { CloudFacts } from '../contract/cloud.ts';
import { MQTT_ALPN, MQTT_PORT_443 } from '../contract/endpoint.ts';
import { type Entries, type Entry, finder } from './finding.ts';
import { LOGS, RESTART } from './remedies.ts';

interface Host {
  host: string;
}
interface Port extends Host {
  port: number;
}
/** A code of the system, of Node or of OpenSSL. */
interface Coded {
  code: string;
}
/** Reason code of a CONNACK (MQTT 5, section 3.2.2.2). */
interface Refused {
  reason: number;
}
/** What hubctl tried in place of the agent. */
interface Tried {
  operation: string;
  topic: string;
}
type Plain = Record<never, never>;

/** What can keep a hub from the cloud, as a connection of hubctl's own shows, step by step. The hub itself is the subject. */
export interface ReachParams {
  dns_unknown_host: Host;
  dns_no_server: Host;
  dns_failed: Host & Coded;
  /** `what`: the step that failed for it. */
  route_missing: { what: string };
  tcp_refused: Port;
  /** `fallbackPort`: the agent's second port; null: none. */
  tcp_timed_out: Port & { fallbackPort: number | null };
  tcp_unreachable: Port;
  tcp_no_route: Plain;
  tcp_failed: Port & Coded;
  /** Certificate, key or authorities cannot be used: in the words of the validator. */
  tls_files: { message: string; remedy: string };
  tls_server_expired: Plain;
  tls_server_not_yet_valid: Plain;
  tls_server_untrusted: Plain;
  tls_server_other_name: Plain;
  tls_key_mismatch: Plain;
  tls_hub_rejected: Plain;
  tls_hub_expired: Plain;
  tls_hub_revoked: Plain;
  tls_timed_out: Host;
  tls_cut: Plain;
  tls_failed: Port & Coded;
  mqtt_client_id: Refused;
  mqtt_unauthorized: Refused;
  mqtt_quota: Refused;
  mqtt_rate: Refused;
  mqtt_unavailable: Refused;
  mqtt_refused: Refused;
  mqtt_closed: Plain;
  mqtt_no_answer: Plain;
  /** `refused`: the policy refused a topic meanwhile. */
  mqtt_no_puback: { refused: boolean };
  /** The agent is connected, and its own message was not acknowledged. `message`: in the agent's words. */
  mqtt_session_silent: { message: string };
  /** hubctl could connect, the agent is not connected. `step`: what hubctl found. */
  mqtt_agent_idle: { step: string; cloud: Idle };
  /** By the policy of the certificate. */
  topic_refused: Tried;
  topic_unanswered: Tried;
}

const NEXT = 'sudo hubctl doctor --check dns,port,tls,mqtt,topics';
const CONFIG = '/etc/hub-agent/agent.json';
/** Of Debian's base and NetworkManager; systemd-resolved may not be there. */
const LOOK_AT_DNS = 'cat /etc/resolv.conf; nmcli device show';
const LOOK_AT_CLOCK = 'timedatectl; sudo timedatectl set-ntp true';
const INSTALL = '`sudo hub-agent --install-credentials DIR && sudo systemctl restart hub-agent`';
const SECOND_CLIENT = 'Wait a minute; then look for a second client with the same identity.';

const hex = (reason: number) => `0x${reason.toString(16)}`;

function entry<Params>(text: (params: Params) => string, remedy: (params: Params) => string): Entry<Params> {
  return { severity: 'fail', text, remedy, next: NEXT };
}

type Idle = Pick<CloudFacts, 'phase' | 'waitReason' | 'lastDown'>;

/** What the agent does instead of being connected. */
export function idleText({ phase, waitReason, lastDown }: Idle): string {
  if (phase === 'connecting') return 'it connects just now';
  const why = [waitReason, lastDown && `last: ${lastDown}`].filter(Boolean).join(', ');
  return `${phase === 'waiting' ? 'it waits' : 'its connection is stopped'}${why && ` (${why})`}`;
}

/** What was tried, and where. */
export const triedText = ({ operation, topic }: Tried): string => `${operation} on ${topic}`;

export const REACH: Entries<ReachParams> = {
  dns_unknown_host: entry(
    ({ host }) => `the name ${host} does not exist`,
    () => `Correct cloud.endpoint in ${CONFIG}: \`aws iot describe-endpoint --endpoint-type iot:Data-ATS\``,
  ),
  dns_no_server: entry(
    ({ host }) => `no DNS server answers for ${host}`,
    () => `${LOOK_AT_DNS}; ip route`,
  ),
  dns_failed: entry(
    ({ host, code }) => `the name ${host} cannot be resolved (${code})`,
    () => LOOK_AT_DNS,
  ),
  route_missing: entry(
    ({ what }) => `this hub has no route to any network: ${what}`,
    () => 'nmcli device status; ip route',
  ),
  tcp_refused: entry(
    ({ host, port }) => `${host} refuses connections on port ${port}`,
    () => 'Correct cloud.endpoint and cloud.port, or the firewall that answers in its place.',
  ),
  tcp_timed_out: entry(
    ({ host, port }) => `${host} does not answer on port ${port}: a firewall drops it, or the way is gone`,
    ({ port, fallbackPort }) => {
      const meanwhile = port === MQTT_PORT_443 || fallbackPort !== null ? '' : `; until then set "port": ${MQTT_PORT_443} in ${CONFIG}`;
      return `Open outgoing TCP ${port} in the firewall of the site${meanwhile}`;
    },
  ),
  tcp_unreachable: entry(
    ({ host, port }) => `${host} is unreachable on port ${port}: the gateway is silent, or a firewall refuses`,
    () => 'ip route; ip neighbour',
  ),
  tcp_no_route: entry(
    () => 'there is no route to the network',
    () => 'ip route; ip address; nmcli device status',
  ),
  tcp_failed: entry(
    ({ host, port, code }) => `port ${port} of ${host} cannot be reached (${code})`,
    () => 'ip route; ip address',
  ),
  tls_files: entry(
    ({ message }) => message,
    ({ remedy }) => remedy,
  ),
  tls_server_expired: entry(
    () => "the server's certificate counts as expired: it is, or the clock is ahead",
    () => LOOK_AT_CLOCK,
  ),
  tls_server_not_yet_valid: entry(
    () => "the server's certificate counts as not valid yet: the clock is behind",
    () => LOOK_AT_CLOCK,
  ),
  tls_server_untrusted: entry(
    () => 'the server shows a certificate that cloud.caPath did not sign: a wrong CA file, or a proxy that opens TLS',
    () =>
      'Install Amazon Root CA 1 as cloud.caPath (https://www.amazontrust.com/repository/AmazonRootCA1.pem), or except the endpoint from TLS inspection.',
  ),
  tls_server_other_name: entry(
    () => 'the server shows a certificate for another name',
    () => `Correct cloud.endpoint in ${CONFIG}; use the -ats endpoint.`,
  ),
  tls_key_mismatch: entry(
    () => 'the private key does not belong to the certificate',
    () => `Install the pair that was made together: ${INSTALL}`,
  ),
  tls_hub_rejected: entry(
    () => "the cloud does not accept the hub's certificate",
    () => 'Check in AWS IoT that the certificate is ACTIVE and registered in this account and region.',
  ),
  tls_hub_expired: entry(
    () => "the hub's certificate has expired",
    () => `Make a new certificate for this Thing: ${INSTALL}`,
  ),
  tls_hub_revoked: entry(
    () => "the hub's certificate was revoked",
    () => `Ask in AWS IoT who revoked it, and make a new one for this Thing: ${INSTALL}`,
  ),
  tls_timed_out: entry(
    () => 'the server does not finish the handshake',
    ({ host }) => `A firewall that inspects TLS, or an MTU that is too large: \`ping -M do -s 1400 ${host}\``,
  ),
  tls_cut: entry(
    () => 'the connection was cut in the handshake: no TLS there, or a firewall that does not let it through',
    () => 'Check cloud.port, and ask for an exception from TLS inspection.',
  ),
  tls_failed: entry(
    ({ code }) => `the TLS handshake failed (${code})`,
    ({ host, port }) => `openssl s_client -connect ${isIPv6(host) ? `[${host}]` : host}:${port} -alpn ${MQTT_ALPN}`,
  ),
  mqtt_client_id: entry(
    ({ reason }) => `the client id is refused (${hex(reason)})`,
    () => 'The thing name in /etc/hub-agent/identity.json must be the Thing of the certificate.',
  ),
  mqtt_unauthorized: entry(
    ({ reason }) => `the hub is not authorised to connect (${hex(reason)})`,
    () => 'Attach to the certificate a policy that allows iot:Connect on the client id of the Thing, and the certificate to the Thing.',
  ),
  mqtt_quota: entry(
    ({ reason }) => `a quota is exceeded (${hex(reason)})`,
    () => SECOND_CLIENT,
  ),
  mqtt_rate: entry(
    ({ reason }) => `too many connects in a second (${hex(reason)})`,
    () => SECOND_CLIENT,
  ),
  mqtt_unavailable: entry(
    ({ reason }) => `the service is not available (${hex(reason)})`,
    () => 'Look at the AWS Health Dashboard of the region.',
  ),
  mqtt_refused: entry(
    ({ reason }) => `the cloud refuses the connection (${hex(reason)})`,
    () => "Look at AWS IoT's logs in CloudWatch (AWSIotLogsV2).",
  ),
  mqtt_closed: entry(
    () => 'the cloud closes the connection instead of answering CONNECT',
    () => 'Check in AWS IoT that the certificate is ACTIVE, belongs to the Thing of identity.json, and has a policy with iot:Connect.',
  ),
  mqtt_no_answer: entry(
    () => 'the cloud does not answer CONNECT',
    () => 'Try again; then look at the AWS Health Dashboard.',
  ),
  mqtt_no_puback: entry(
    () => 'no message is acknowledged',
    ({ refused }) =>
      refused
        ? 'Allow iot:Publish on the topics of this hub in the policy of its certificate.'
        : 'sudo hubctl cloud ping; ip route; nmcli device status',
  ),
  mqtt_session_silent: entry(
    ({ message }) => message,
    () => LOGS,
  ),
  mqtt_agent_idle: {
    severity: 'warn',
    text: ({ step, cloud }) => `${step}, but the agent is not connected: ${idleText(cloud)}`,
    remedy: () => RESTART,
    next: NEXT,
  },
  topic_refused: entry(
    (tried) => `${triedText(tried)} is refused`,
    () => 'Add it to the policy of the certificate in AWS IoT, for this Thing.',
  ),
  topic_unanswered: { severity: 'warn', text: (tried) => `${triedText(tried)} got no answer`, remedy: () => NEXT, next: NEXT },
};

export type ReachCode = keyof ReachParams;
export const reachFinding = finder(REACH);
