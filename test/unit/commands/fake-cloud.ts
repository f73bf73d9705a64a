import type { CommandsCloud } from '../../../agent/commands/cloud-port.ts';
import type { LastCommand, ShadowView } from '../../../agent/contract/shadow.ts';
import { HubError } from '../../../agent/system/errors.ts';

/** A Shadow service for one hub, with a link in a test's hands. */
export interface FakeCloud extends CommandsCloud {
  version: number;
  desired: Record<string, unknown>;
  lastCommand: LastCommand | null;
  /** Every state of a command that was reported. */
  readonly reports: LastCommand[];
  readonly published: { topic: string; payload: string }[];
  nowSeconds: number;
  connected: boolean;
  /** Called before each request; throws to fail it. */
  onRequest: (name: 'read' | 'clear' | 'report' | 'publish') => void | Promise<void>;
  /** Writes a command into `desired`. */
  send(command: unknown, args?: unknown): void;
  view(source: 'read' | 'delta'): ShadowView;
}

export function createFakeCloud(): FakeCloud {
  let sentAt = 0;
  const request = async (name: 'read' | 'clear' | 'report' | 'publish') => {
    await cloud.onRequest(name);
    if (!cloud.connected) throw new HubError('cloud_disconnected', `${name}: no link`);
  };
  const report = (last: LastCommand) => {
    cloud.lastCommand = last;
    cloud.reports.push(last);
  };
  const cloud: FakeCloud = {
    version: 1,
    desired: {},
    lastCommand: null,
    reports: [],
    published: [],
    nowSeconds: 1_800_000_000,
    connected: true,
    onRequest: () => {},
    send(command, args) {
      sentAt = cloud.nowSeconds;
      cloud.desired = args === undefined ? { command } : { command, args };
      cloud.version += 1;
    },
    view(source) {
      return {
        source,
        version: cloud.version,
        timestampSeconds: cloud.nowSeconds,
        desired: cloud.desired,
        desiredMetadata: { command: { timestamp: sentAt } },
        reported: source === 'read' ? { lastCommand: cloud.lastCommand } : null,
      };
    },
    async readShadow() {
      await request('read');
      return cloud.view('read');
    },
    async clearCommand(version, last) {
      await request('clear');
      if (version !== cloud.version) throw new HubError('shadow_conflict', 'Version conflict');
      cloud.desired = {};
      cloud.version += 1;
      if (last) report(last);
      return cloud.version;
    },
    async reportCommand(last) {
      await request('report');
      cloud.version += 1;
      report(last);
    },
    async publish(topic, payload) {
      await request('publish');
      cloud.published.push({ topic, payload });
    },
  };
  return cloud;
}
