import { requireInstalled } from './installed.ts';

/**
 * The part of zigbee-herdsman 11.1.1 that is used, as far as it is used. Written down here, so that the agent builds without the library, which
 * only hubs with Zigbee have.
 */

export interface LibraryLogger {
  debug(message: string | (() => string), namespace: string): void;
  info(message: string | (() => string), namespace: string): void;
  warning(message: string | (() => string), namespace: string): void;
  error(message: string | (() => string), namespace: string): void;
}

interface NamedCluster {
  name: string;
}

interface ReportingItem {
  attribute: string;
  minimumReportInterval: number;
  maximumReportInterval: number;
  reportableChange: number;
}

export interface LibraryEndpoint {
  ID: number;
  getInputClusters(): NamedCluster[];
  /** What the library has set up before; stored with the device. */
  configuredReportings: unknown[];
  supportsInputCluster(cluster: string): boolean;
  bind(cluster: string, target: LibraryEndpoint): Promise<void>;
  configureReporting(cluster: string, items: ReportingItem[], options?: { timeout?: number; sendPolicy?: string }): Promise<void>;
}

export interface LibraryDevice {
  ieeeAddr: string;
  networkAddress: number;
  type: string;
  manufacturerName?: string | undefined;
  modelID?: string | undefined;
  softwareBuildID?: string | undefined;
  powerSource?: string | undefined;
  interviewState: string;
  linkquality?: number | undefined;
  lastSeen?: number | undefined;
  checkinInterval?: number | undefined;
  endpoints: LibraryEndpoint[];
  getEndpoint(id: number): LibraryEndpoint | undefined;
  interview(ignoreCache?: boolean): Promise<void>;
  ping(disableRecovery: boolean): Promise<void>;
  removeFromNetwork(): Promise<void>;
  removeFromDatabase(): void;
}

export interface LibraryMessage {
  type: string;
  device: LibraryDevice;
  endpoint: LibraryEndpoint;
  cluster: string | number;
  linkquality: number;
  data: unknown;
}

/** Private parts of the Controller are named in `network.ts`, each with its reason. */
export interface LibraryController {
  start(): Promise<'resumed' | 'restored' | 'reset'>;
  stop(): Promise<void>;
  backup(): Promise<void>;
  permitJoin(seconds: number): Promise<void>;
  getDevicesIterator(): Iterable<LibraryDevice>;
  getDeviceByIeeeAddr(address: string): LibraryDevice | undefined;
  getNetworkParameters(): Promise<{ channel: number }>;
  getCoordinatorVersion(): Promise<{ type: string; meta: Record<string, unknown> }>;
  sendRaw(payload: {
    ieeeAddress: string;
    networkAddress: number;
    profileId: number;
    clusterKey: number;
    zdoParams: (number | string)[];
  }): Promise<unknown>;
  on<A extends unknown[]>(event: string, listener: (...args: A) => void): unknown;
  adapter?: {
    stop(): Promise<void>;
    on<A extends unknown[]>(event: string, listener: (...args: A) => void): unknown;
    sendZclFrameToEndpoint?: (...args: unknown[]) => Promise<unknown>;
    sendZdo?: (...args: unknown[]) => Promise<unknown>;
  };
  databaseSaveTimer?: NodeJS.Timeout;
  backupTimer?: NodeJS.Timeout;
}

export interface LibraryOptions {
  network: { panID: number; extendedPanID: number[]; channelList: number[]; networkKey: number[] };
  transport: { path: string; adapter: string; baudRate: number; rtscts: boolean };
  databasePath: string;
  databaseBackupPath: string;
  backupPath: string;
  adapter: { disableLED: boolean };
  acceptJoiningDeviceHandler(address: string): Promise<boolean>;
}

export interface Library {
  Controller: new (options: LibraryOptions) => LibraryController;
  setLogger(logger: LibraryLogger): void;
}

/** Loads the library; undefined when it is not installed. @throws the error of its loading */
export const loadLibrary = (): Library | undefined => requireInstalled<Library>('zigbee-herdsman');
