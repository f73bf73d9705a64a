import { join } from 'node:path';
import { calls } from '../../../scripts/demo/page/calls.ts';
import { busFaults } from '../../../scripts/demo/page/faults/bus.ts';
import { cloudFaults } from '../../../scripts/demo/page/faults/cloud.ts';
import { type AgentHandle, hubFaults } from '../../../scripts/demo/page/faults/hub.ts';
import { openRigPage } from '../../../scripts/demo/page/page.ts';
import type { AgentWorld } from '../agent-world.ts';
import type { CloudWorld } from '../cloud-world.ts';
import type { VirtualHub } from '../hub.ts';
import { RUN_FILES } from '../qemu.ts';
import { airFaults } from './air-faults.ts';
import { createJournalReader, followJournal, type JournalReader } from './journal.ts';
import { machineFaults } from './machine-faults.ts';
import { askInGuest, tapWifi } from './questions.ts';

/** The machine lets nobody through to port 443 of the host: there is no second port. */
const NEEDS_SECOND_PORT = 'blocked_port';

/** What the page needs of a virtual hub, and of what is around it. */
export type WatchedHub = Pick<VirtualHub, 'run' | 'must' | 'runFolder' | 'air' | 'serial' | 'setClock' | 'pullCord' | 'plugCord'>;
export type WatchedWorld = Pick<AgentWorld, 'home' | 'away' | 'secret'> & {
  readonly cloud: Pick<CloudWorld, 'identity' | 'iotCore' | 'api' | 'send'>;
};

/** Watches a virtual hub from now on. `line`: the peripherals on its serial port; null: there are none. */
export async function openVirtualHubPage(hub: WatchedHub, world: WatchedWorld, line: Parameters<typeof busFaults>[0] | null) {
  await using opened = new AsyncDisposableStack();
  const { cloud, home, away } = world;
  const { hubId } = cloud.identity;
  const { iotCore, api } = cloud;
  let journal: JournalReader | null = null;
  const agent = (): AgentHandle | null => {
    const pid = journal?.pid ?? null;
    const signal = async (name: string) => void (await hub.must(`systemctl kill -s ${name} hub-agent`));
    return pid === null ? null : { pid, kill: () => signal('KILL'), pause: () => signal('STOP'), resume: () => signal('CONT') };
  };
  const send = async (command: string) => {
    // It throws what the API said, when that was no success.
    await cloud.send(command, {});
    return { status: 200 };
  };
  const ask = async () => void (await cloud.send('server_info', {}));

  const page = opened.use(
    await openRigPage({
      hubId,
      iotCore,
      api,
      secrets: [home, away].flatMap(({ security }) => (security.kind === 'open' ? [] : [security.passphrase])),
      calls: calls({ hubId, siteId: 'site-1', orgId: api.orgId, ssid: away.ssid }),
      line,
      questions: askInGuest(hub),
      faults: (emit) => [
        ...machineFaults({
          hub,
          journal: { powerLost: () => journal?.powerLost() },
          dropLink: () => void iotCore.faults.drop(hubId),
          nowMs: Date.now,
        }),
        ...hubFaults(agent, emit),
        ...airFaults({ air: hub.air, home, away, ask, secret: () => world.secret('page') }),
        ...(line ? busFaults(line, { pull: () => hub.serial.yank(), plug: () => hub.serial.plug() }) : []),
        ...cloudFaults({ iotCore, hubId, send }).filter(({ id }) => id !== NEEDS_SECOND_PORT),
      ],
    }),
  );
  const reader = createJournalReader(page);
  journal = reader;
  opened.defer(followJournal(join(hub.runFolder, RUN_FILES.journal), reader));
  opened.defer(tapWifi(hub, page.emit));
  opened.defer(api.onRequest(page.request));
  const closing = opened.move();
  return { address: page.address, [Symbol.asyncDispose]: () => closing.disposeAsync() };
}
