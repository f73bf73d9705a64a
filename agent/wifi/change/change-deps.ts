import type { MonotonicClock } from '../../system/clock.ts';
import type { Entropy } from '../../system/entropy.ts';
import type { Log } from '../../system/log.ts';
import type { NetworkManager } from '../networkmanager/network-manager.ts';
import type { WifiSurvey } from '../survey/survey.ts';
import type { ChangeMarkerFile } from './marker.ts';
import type { CloudProof } from './proof.ts';
import type { Restorer } from './restore.ts';

/** What a Wi-Fi change works with: the ports of its driver and of its effects. */
export interface ChangeDeps {
  networkManager: NetworkManager;
  survey: WifiSurvey;
  restorer: Restorer;
  proof: CloudProof;
  marker: ChangeMarkerFile;
  clock: MonotonicClock;
  entropy: Entropy;
  log: Log;
  /** Makes everything written so far durable: `sync(2)`. */
  sync: () => Promise<void>;
  interfaceName: string | null;
  /** From the checkpoint to the end of the proof; less than `checkpointSeconds`. */
  attemptTimeoutMs: number;
  checkpointSeconds: number;
}
