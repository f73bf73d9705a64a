import { join } from 'node:path';
import type { AgentProcess } from '../../../test/hil/rig/agent-process.ts';
import { ORGANISATION } from '../../../test/hil/rig/rig.ts';
import { OFFICE, WAREHOUSE, type World } from '../world.ts';
import { calls } from './calls.ts';
import { busFaults } from './faults/bus.ts';
import { cloudFaults } from './faults/cloud.ts';
import { hubFaults } from './faults/hub.ts';
import { openRigPage, type RigPage } from './page.ts';
import { tapAgent } from './taps/agent.ts';
import { askOverSocket } from './taps/control-socket.ts';

/** The page on a demo that runs. */
export interface LivePage extends Pick<RigPage, 'address' | 'request'>, AsyncDisposable {
  /** An agent was started. */
  agent(agent: AgentProcess): void;
}

/** Watches the demo's world from now on, and serves what it sees. */
export async function openPage({ rig, wifi }: World): Promise<LivePage> {
  await using opened = new AsyncDisposableStack();
  const { hubId, iotCore, line, port } = rig;
  let agent: AgentProcess | null = null;
  const page = opened.use(
    await openRigPage({
      hubId,
      iotCore,
      api: { url: rig.api.url, key: rig.apiKey },
      secrets: [OFFICE.password, WAREHOUSE.password],
      calls: calls({ hubId, siteId: 'site-1', orgId: ORGANISATION, ssid: OFFICE.ssid }),
      line,
      questions: askOverSocket(join(rig.folder, 'control.sock')),
      faults: (emit) => [
        ...(line && port ? busFaults(line, { pull: () => port.yank(), plug: () => port.replug() }) : []),
        ...hubFaults(() => agent, emit),
        ...cloudFaults(rig),
      ],
    }),
  );
  if (wifi) {
    const tell = () => page.emit({ kind: 'wifi', network: wifi.hub.network() });
    tell();
    wifi.hub.listeners.add(tell);
    opened.defer(() => void wifi.hub.listeners.delete(tell));
  }

  const closing = opened.move();
  return {
    address: page.address,
    request: page.request,
    agent(started) {
      agent = started;
      tapAgent(started, page);
      void started.exited.then(() => {
        if (agent === started) agent = null;
      });
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}
