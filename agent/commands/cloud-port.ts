import type { LastCommand, ShadowView } from '../contract/shadow.ts';

/** What the commands need of the cloud. Every call fails with a HubError (`cloud_disconnected`, `cloud_timeout`, `shadow_conflict`, …). */
export interface CommandsCloud {
  readShadow(): Promise<ShadowView>;
  /**
   * Clears `desired.command` and `desired.args`, conditional on the version, together with the part of the reported state about the command
   * (null: leave it). Resolves with the new version.
   */
  clearCommand(version: number, lastCommand: LastCommand | null): Promise<number>;
  /** Reports the command's state; resolves once the Shadow service has acknowledged it. */
  reportCommand(lastCommand: LastCommand): Promise<void>;
  /** Publishes with QoS 1; resolves with the PUBACK. */
  publish(topic: string, payload: string): Promise<void>;
}
