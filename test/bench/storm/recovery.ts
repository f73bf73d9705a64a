import type { ConnectionConfig } from '../../../agent/cloud/connection/connection.ts';
import type { Log } from '../../../agent/system/log.ts';
import { createRandom } from '../../support/random.ts';
import { type Bill, createAccount, type Quotas, usdOf } from './account.ts';
import { createEventQueue } from './event-queue.ts';
import { createHub, type Hub, identityOf, type Site } from './hub.ts';
import { emptyShadow, readShadow, type Shadow, updateShadow } from './shadows.ts';

export interface RecoveryOptions {
  /** `power`: every hub is switched on in the same moment, long shown offline. `outage`: the service ends every link and closes its ports. */
  kind: 'power' | 'outage';
  outageMs: number;
  hubs: number;
  quotas: Quotas;
  connection: Omit<ConnectionConfig, 'targets'>;
  keepAliveSeconds: number;
  heartbeatMs: number;
  seed: number;
}

/** Times count from the moment that the service can be reached. */
export interface Recovery {
  /** The last CONNACK. */
  connectedMs: number;
  /** Until so many are shown online, and stay it. */
  shown999Ms: number;
  shownAllMs: number;
  /** What the quotas allow at best: one CONNECT, one read and one update for each hub. */
  idealMs: number;
  refused: Bill['refused'];
  /** Attempts that ended inside the SDK, before they touched the network. */
  unsent: number;
  shadowRequestsPerHub: number;
  messagesPerHub: number;
  usd: number;
  /** Hubs that the cloud still showed online at the end of the outage: the rule's own requests were refused. */
  falselyOnline: number;
}

const SECOND_MS = 1_000;
const START_MS = Date.UTC(2026, 0, 1);
/** What the recovery brings with it, such as reassurances, is part of it for so long after everybody is shown. */
const AFTER_MS = 60_000;
/** A recovery that takes longer has failed. */
const LIMIT_MS = 4 * 3_600_000;
/** The links of an undisturbed fleet begin spread over this. */
const PEACE_MS = 120_000;
/** The rule judges a message, and writes, so much later (AWS IoT rules are asynchronous). */
const RULE_MS = [50, 500] as const;
const GOODBYE_MS = 10_000;
const SHARE = 0.999;
/** Inbound messages of one read and one update. */
const INBOUND_PER_HUB = 5;

const none = () => {};
const silent = { trace: none, debug: none, info: none, warn: none, error: none, fatal: none, child: () => silent } as unknown as Log;

/** A fleet of the agent's own cloud parts comes back within the quotas of an account. */
export async function runRecovery(options: RecoveryOptions): Promise<Recovery> {
  const { kind, outageMs, hubs: count, quotas } = options;
  const queue = createEventQueue();
  // Whole milliseconds, as timers have them: a sum of fractions may fall short of what it was to reach.
  const clock = { nowMs: queue.nowMs, schedule: (delayMs: number, run: () => void) => queue.schedule(Math.ceil(delayMs), run) };
  const random = createRandom(options.seed);
  const account = createAccount(clock);
  let reachableFromMs = 0;
  let unsent = 0;
  let connectedMs = 0;
  const shown = new Set<Hub>();
  const connected = new Set<Hub>();
  /** Since when so many are shown. */
  const since: { [share: number]: number | null } = { [SHARE]: null, 1: null };

  const site: Site = {
    clock,
    epochMs: START_MS,
    random,
    account,
    log: silent,
    connection: options.connection,
    keepAliveSeconds: options.keepAliveSeconds,
    heartbeatMs: options.heartbeatMs,
    isReachable: () => clock.nowMs() >= reachableFromMs,
    onUnsent() {
      unsent += 1;
    },
    onWill(hub, session) {
      account.messages(1);
      clock.schedule(RULE_MS[0] + (RULE_MS[1] - RULE_MS[0]) * random.unit(), () => judge(hub, session));
    },
    onChange(hub) {
      if (hub.isConnected() && !connected.has(hub)) connectedMs = clock.nowMs();
      if (hub.isConnected()) connected.add(hub);
      else connected.delete(hub);
      if (hub.isShown()) shown.add(hub);
      else shown.delete(hub);
      for (const share of [SHARE, 1]) {
        if (shown.size >= count * share) since[share] ??= clock.nowMs();
        else since[share] = null;
      }
    },
  };

  /** scripts/aws/presence-rule.json: looks at the shadow, and republishes if the session is the one reported. */
  function judge(hub: Hub, session: string): void {
    if (!account.take('inbound') || !account.take('rules')) return;
    account.rule();
    if (readShadow(account, hub.shadow) !== 'done' || hub.shadow.reported.session !== session) return;
    account.rule();
    account.messages(1);
    clock.schedule(RULE_MS[0] + (RULE_MS[1] - RULE_MS[0]) * random.unit(), () => {
      updateShadow(account, hub.shadow, { online: false }, START_MS + clock.nowMs());
      site.onChange(hub);
    });
  }

  /** In peace each of them connects once, and is shown. */
  async function peace(fleet: readonly Hub[]): Promise<void> {
    for (const hub of fleet) clock.schedule(PEACE_MS * random.unit(), () => hub.cloud.start({ processRestart: true }));
    const untilMs = clock.nowMs() + PEACE_MS + AFTER_MS;
    await queue.runSettling(() => clock.nowMs() >= untilMs);
    const offline = fleet.filter((hub) => !hub.isShown()).length;
    if (offline > 0) throw new Error(`${offline} of ${fleet.length} hubs did not come online in peace`);
  }

  /** What the cloud remembers of hubs that have been off for long. */
  async function remembered(): Promise<(index: number) => Shadow> {
    const model = createHub(site, 0, emptyShadow());
    await peace([model]);
    void model.cloud.stop();
    const goneMs = clock.nowMs() + GOODBYE_MS;
    await queue.runSettling(() => clock.nowMs() >= goneMs);
    shown.clear();
    connected.clear();
    const { version, reported, bytes } = model.shadow;
    // Offline since the beginning of this clock: for long.
    return (index) => ({ version, bytes, onlineAtMs: START_MS, reported: { ...reported, ...identityOf(index), online: false } });
  }

  const off = kind === 'power' ? await remembered() : emptyShadow;
  const hubs = Array.from({ length: count }, (_, index) => createHub(site, index, off(index)));
  if (kind === 'outage') await peace(hubs);

  const beginMs = clock.nowMs();
  account.open(quotas);
  unsent = 0;
  let falselyOnline = 0;
  if (kind === 'outage') {
    reachableFromMs = beginMs + outageMs;
    for (const hub of hubs) hub.reset();
    clock.schedule(outageMs, () => {
      falselyOnline = hubs.filter(({ shadow }) => shadow.reported.online === true).length;
    });
  } else {
    reachableFromMs = beginMs;
    for (const hub of hubs) hub.cloud.start();
  }
  const doneMs = () => Math.max(reachableFromMs, since[1] ?? Number.POSITIVE_INFINITY) + AFTER_MS;
  await queue.runSettling(() => clock.nowMs() >= Math.min(doneMs(), beginMs + outageMs + LIMIT_MS));

  const bill = account.bill();
  const from = (atMs: number | null | undefined) => (atMs ?? Number.POSITIVE_INFINITY) - reachableFromMs;
  return {
    connectedMs: from(connectedMs),
    shown999Ms: from(since[SHARE]),
    shownAllMs: from(since[1]),
    idealMs: count * SECOND_MS * Math.max(1 / quotas.connects, 2 / quotas.shadow, INBOUND_PER_HUB / quotas.inbound),
    refused: bill.refused,
    unsent,
    shadowRequestsPerHub: bill.shadowRequests / count,
    messagesPerHub: bill.messages / count,
    usd: usdOf(bill),
    falselyOnline,
  };
}
