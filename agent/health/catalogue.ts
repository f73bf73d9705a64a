import { AGENT, type AgentCode } from './agent.ts';
import { BUS, type BusCode } from './bus.ts';
import { CERTIFICATE, type CertificateCode } from './certificate.ts';
import { CLOUD, type CloudCode } from './cloud.ts';
import { CONFIG, type ConfigCode } from './config.ts';
import { FILES, type FilesCode } from './files.ts';
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

/** Every entry of the catalogue, by its code. hubctl does not load it as a whole: each part of the program imports the entries that it makes. */
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
