import { pino } from 'pino';
import { sleep } from '../../../agent/system/clock.ts';
import type { Entropy } from '../../../agent/system/entropy.ts';
import { HubError } from '../../../agent/system/errors.ts';
import type { Files } from '../../../agent/system/files.ts';
import { createChangeMarkerFile, createForgetNote } from '../../../agent/wifi/change/marker.ts';
import type { CloudProof } from '../../../agent/wifi/change/proof.ts';
import { createNetworkManagerWifi, type WifiService } from '../../../agent/wifi/networkmanager/network-manager-wifi.ts';
import type { NodeWifiPort } from '../../../agent/wifi/survey/node-wifi-thread.ts';
import { createWifiSurvey } from '../../../agent/wifi/survey/survey.ts';
import { createMemoryFiles } from '../../support/memory-files.ts';
import type { SteppedClock } from '../../support/stepped-clock.ts';
import type { FakeHub } from '../../twins/network-manager/hub.ts';
import { type AgentLife, createAgentLife, type Fault, type FaultPhase } from './fake-network-manager.ts';

export interface FakeAgent {
  wifi: WifiService;
  life: AgentLife;
  /** Everything logged, as text. */
  logged: string[];
  /** The addresses that proofs were bound to. */
  proofs: (string | undefined)[];
}

const ATTEMPT_TIMEOUT_MS = 100_000;
const CHECKPOINT_SECONDS = 120;

/** The Wi-Fi side of one agent's life on a fake hub. */
export function createFakeAgent(
  hub: FakeHub,
  clock: SteppedClock,
  options: {
    files?: Files;
    fault?: (step: number, name: string, phase: FaultPhase) => Fault | null;
    nodeWifi?: NodeWifiPort;
    uuid?: string;
    sync?: () => void;
  } = {},
): FakeAgent {
  const life = createAgentLife(hub, clock, options.fault);
  const logged: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) });
  const proofs: (string | undefined)[] = [];
  const files = options.files ?? createMemoryFiles();
  const gatedFiles: Files = {
    ...files,
    writeAtomic: (path, data, mode) => life.gate('write', () => files.writeAtomic(path, data, mode)),
    remove: (path) => life.gate('remove', () => files.remove(path)),
  };
  const proof: CloudProof = {
    async prove(_signal, { localAddress } = {}) {
      proofs.push(localAddress);
      await life.gate('prove', () => {
        if (!hub.reachesCloud(localAddress)) throw new HubError('cloud_unreachable', 'connection refused');
      });
    },
    async waitReachable(signal) {
      while (!hub.reachesCloud()) {
        await sleep(clock, 500, signal);
        if (signal.aborted) throw new HubError('aborted', 'gave up waiting');
      }
    },
  };
  const nodeWifi = options.nodeWifi ?? { scan: async () => [] };
  const survey = createWifiSurvey({ nodeWifi, networkManager: life.manager, interfaceName: null, clock, log });
  let made = 0;
  const entropy: Entropy = {
    bytes: (length) => Buffer.alloc(length),
    uuid: () => options.uuid ?? `candidate-${clock.nowMs()}-${made++}`,
    unit: () => 0.5,
  };
  const wifi = createNetworkManagerWifi({
    networkManager: life.manager,
    survey,
    proof,
    marker: createChangeMarkerFile(gatedFiles, '/state', log),
    forgetNote: createForgetNote(gatedFiles, '/state'),
    clock,
    entropy,
    log,
    sync: () =>
      life.gate('sync', () => {
        options.sync?.();
        hub.sync();
      }),
    interfaceName: null,
    attemptTimeoutMs: ATTEMPT_TIMEOUT_MS,
    checkpointSeconds: CHECKPOINT_SECONDS,
  });
  return { wifi, life, logged, proofs };
}
