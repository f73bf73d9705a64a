import { CREDENTIAL_WEIGHTS, type CredentialReason } from '../contract/tls.ts';
import type { FindingCode } from './catalogue.ts';
import type { HealthFinding } from './finding.ts';

const CLOCK = ['clock_before_build', 'clock_unset'] as const;
/** What the agent does not start with. */
const CONFIG = [
  'config_invalid' as const,
  ...(Object.keys(CREDENTIAL_WEIGHTS) as CredentialReason[])
    .filter((reason) => CREDENTIAL_WEIGHTS[reason] === 'fault')
    .map((reason) => `credential_${reason}` as const),
];

/** What a finding can be a consequence of: of a cause in the hub itself, or in the same subject. */
export const DEPENDS_ON: Readonly<Partial<Record<FindingCode, readonly FindingCode[]>>> = {
  // Not a service that is stopped: systemd starts one that ends by itself again and again.
  service_absent: CONFIG,
  service_starting: CONFIG,
  service_restarting: CONFIG,
  // The agent makes it when it starts.
  state_missing: CONFIG,
  certificate_unnamed: ['config_invalid'],
  cloud_waits_for_clock: CLOCK,
  // A clock that is behind by years. One that merely was not set from the network is right on a site without a time server.
  certificate_expired: ['clock_before_build'],
  credential_expired: ['clock_before_build'],
  credential_authorities_expired: ['clock_before_build'],
  credential_chain_expired: ['clock_before_build'],
  certificate_not_yet_valid: CLOCK,
  credential_not_yet_valid: CLOCK,
  credential_clock_unset: CLOCK,
  // The certificate of the cloud is renewed long before its end.
  tls_server_expired: CLOCK,
  tls_server_not_yet_valid: CLOCK,
  bus_unavailable: ['port_missing', 'port_no_device', 'port_held', 'port_closed', 'port_unit'],
  bus_no_node: ['bus_unavailable'],
  nodes_silent: ['bus_unavailable'],
  zigbee_backup_old: ['zigbee_not_kept'],
  bus_no_answer: ['port_held'],
  bus_noise: ['port_held'],
  log_no_space: ['disk_full', 'disk_low'],
};

/** What of a finding decides. */
type Coded = Pick<HealthFinding, 'code' | 'subject'>;

/** The finding that this one is a consequence of, among those that stand; null: it is a cause itself. */
export function causeOf<Found extends Coded>(finding: Coded, all: readonly Found[]): Found | null {
  const causes = Object.hasOwn(DEPENDS_ON, finding.code) ? DEPENDS_ON[finding.code as FindingCode]! : [];
  return all.find(({ code, subject }) => causes.includes(code as FindingCode) && (subject === null || subject === finding.subject)) ?? null;
}
