import { AGENT, type AgentCode } from './agent.ts';
import { BUS, type BusCode } from './bus.ts';
import { CERTIFICATE, type CertificateCode } from './certificate.ts';
import { CLOUD, type CloudCode } from './cloud.ts';
import { CONFIG, type ConfigCode } from './config.ts';
import { FILES, type FilesCode } from './files.ts';
import type { HealthFinding } from './finding.ts';
import { HOST, type HostCode } from './host.ts';
import { LOCAL_FILES, type LocalFilesCode } from './local-files.ts';
import { NODE, type NodeCode } from './node.ts';
import { PORT, type PortCode } from './port.ts';
import { REACH, type ReachCode } from './reach.ts';
import { SERVICE, type ServiceCode } from './service.ts';
import { UPDATE, type UpdateCode } from './update.ts';
import { WIFI, type WifiCode } from './wifi.ts';
import { ZIGBEE, type ZigbeeCode } from './zigbee.ts';

/** Every code of the catalogue. */
export type FindingCode =
  | CloudCode
  | BusCode
  | NodeCode
  | HostCode
  | AgentCode
  | FilesCode
  | LocalFilesCode
  | ConfigCode
  | CertificateCode
  | ServiceCode
  | WifiCode
  | PortCode
  | UpdateCode
  | ReachCode
  | ZigbeeCode;

/** Every entry of the catalogue, by its code. */
export const CATALOGUE = {
  ...CLOUD,
  ...BUS,
  ...NODE,
  ...HOST,
  ...AGENT,
  ...FILES,
  ...LOCAL_FILES,
  ...CONFIG,
  ...CERTIFICATE,
  ...SERVICE,
  ...WIFI,
  ...PORT,
  ...UPDATE,
  ...REACH,
  ...ZIGBEE,
};

const CLOCK = ['clock_before_build', 'clock_unset'] as const;

/** What a finding can be a consequence of: of a cause in the hub itself, or in the same subject. */
export const DEPENDS_ON: Readonly<Partial<Record<FindingCode, readonly FindingCode[]>>> = {
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
