import { parseArgs } from 'node:util';
import { createCloud } from '../../agent/cloud/cloud.ts';
import { agentSchema } from '../../agent/config/agent-schema.ts';
import { topicsOf } from '../../agent/contract/topics.ts';
import { createSteppedClock } from '../support/stepped-clock.ts';
import { createFakeTransport, THING } from '../unit/cloud/fake-transport.ts';
import { createFakeEntropy, createFakeLog } from '../unit/nodes/fakes.ts';
import { PRICES, SHADOW_UNIT_BYTES } from './cost/prices.ts';

const DAY_MS = 86_400_000;
const DAYS_PER_MONTH = 30;
/** How often the agent looks at its Wi-Fi; the signal is never quite the same. */
const WIFI_REPORT_MS = 300_000;
const START_MS = Date.UTC(2026, 0, 1);

const TARGET_USD = 0.01;

/** What one hub sends and receives; acknowledgements of the service and pings are not metered. */
interface Count {
  /** CONNECT, SUBSCRIBE and PUBLISH of the hub. */
  sent: number;
  /** PUBLISH of the service. */
  received: number;
  /** PUBACK of the hub. */
  acknowledged: number;
  shadowOperations: number;
}

const say = (line: string) => process.stdout.write(`${line}\n`);
const usd = (value: number) => Math.round(value * 1e5) / 1e5;

/** Runs the agent's cloud part through its first minute and then an idle day on simulated time. */
async function countDay(heartbeatMs: number): Promise<{ start: Count; day: Count; shadowBytes: number }> {
  const clock = createSteppedClock();
  const wallClock = { nowMs: () => START_MS + clock.nowMs() };
  const transport = createFakeTransport(wallClock.nowMs);
  const topics = topicsOf(THING);
  let count: Count = { sent: 0, received: 0, acknowledged: 0, shadowOperations: 0 };
  transport.onConnect = () => void count.sent++;
  transport.before = (operation, detail) => {
    count.sent++;
    // The hub hears its own presence; the retained one of before is replayed on subscribing.
    if ((operation === 'publish' || operation === 'subscribe') && detail === topics.presence) {
      count.received++;
      if (transport.links.at(-1)?.qos[topics.presence] === 1) count.acknowledged++;
    }
    // The answers of the Shadow service come with QoS 0.
    if (operation === 'readShadow' || operation === 'updateShadow') {
      count.shadowOperations++;
      count.received++;
    }
  };
  const cloud = createCloud({
    transport,
    targets: [{ host: 'iot.example.com', port: 8883 }],
    connection: { spreadMs: 0, minBackoffMs: 2_000, maxBackoffMs: 128_000, maxUnreachableBackoffMs: 28_000, settleMs: 30_000 },
    clientId: THING,
    keepAliveSeconds: 30,
    topics,
    identity: {
      hubId: '0f9a1c52-7b1e-4c53-9d57-3f2f7a1b6a01',
      serial: 'SN-0F9A1C52',
      model: 'HUB-1',
      vendorName: 'Example Locks',
      version: '1.0.0',
    },
    executions: false,
    heartbeatMs,
    uptimeSeconds: () => clock.nowMs() / 1000,
    clockTrusted: () => true,
    listeners: { linkUp() {}, linkDown() {}, takenOver() {}, view() {}, updated() {}, request() {} },
    wallClock,
    clock,
    entropy: { ...createFakeEntropy(1), uuid: () => '5f0c7c5e-2f57-4a3e-9f0e-0d1f5d0e7a11' },
    log: createFakeLog(),
  });
  cloud.report({
    claim: { orgId: 'org-0123456789', siteId: 'site-0123456789', claimedBy: 'user-0123456789', claimedAt: START_MS },
    nodes: { total: 8, available: 8, scanComplete: true },
    wifi: { ssid: 'Building 7', signalDbm: -50 },
  });
  cloud.start();
  await clock.until(() => transport.links.length > 0, 1_000);
  transport.last().up();
  await clock.advance(60_000);
  // Answers are subscribed to before the first read and before the first update.
  count.sent += 2;
  const start = count;
  count = { sent: 0, received: 0, acknowledged: 0, shadowOperations: 0 };
  for (let at = 0; at < DAY_MS; at += WIFI_REPORT_MS) {
    cloud.report({ wifi: { ssid: 'Building 7', signalDbm: -50 - ((at / WIFI_REPORT_MS) % 9) } });
    await clock.advance(WIFI_REPORT_MS);
  }
  const day = { ...count };
  const { state } = transport.document()!;
  await cloud.stop();
  return { start, day, shadowBytes: Buffer.byteLength(JSON.stringify(state)) };
}

/** USD a month. `strict` meters what comes back and the hub's PUBACKs, too, as AWS's metering page has it; its price examples leave them out. */
function price(day: Count, shadowBytes: number, strict: boolean): number {
  const messages = day.sent + (strict ? day.received + day.acknowledged : 0);
  const units = day.shadowOperations * Math.ceil(shadowBytes / SHADOW_UNIT_BYTES);
  const perDay = (DAY_MS / 60_000) * PRICES.perConnectionMinute + messages * PRICES.perMessage + units * PRICES.perShadowOperation;
  return perDay * DAYS_PER_MONTH;
}

/** `npm run bench -- price [--json]`: messages of an idle hub in a day, and their price. Answers the exit code. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } });
  const { heartbeatMinutes } = agentSchema.parse({ cloud: { endpoint: 'iot.example.com', caPath: 'ca.pem' } });
  const { start, day, shadowBytes } = await countDay(heartbeatMinutes * 60_000);
  const month = price(day, shadowBytes, false);
  const strict = price(day, shadowBytes, true);
  const sessionPrice =
    (start.sent + start.received + start.acknowledged) * PRICES.perMessage + start.shadowOperations * PRICES.perShadowOperation;
  say(
    'The cloud part of the agent on simulated time: an idle day within one session, eight nodes, a Wi-Fi signal that moves every 5 minutes.',
  );
  say(
    `Heartbeat every ${heartbeatMinutes} minutes; shadow of ${shadowBytes} bytes. Prices: AWS, Europe (Ireland), September 2026, first tier:`,
  );
  say('USD 0.08 for a million minutes of connection, 1.00 for a million messages of 5 KB, 1.25 for a million shadow operations of 1 KB.');
  say('');
  say('| an idle hub                          | a day | USD a month (30 days) |');
  say('|---|---:|---:|');
  const line = (what: string, count: number, each: number) => say(`| ${what} | ${count} | ${usd(count * each * DAYS_PER_MONTH)} |`);
  line('minutes connected', DAY_MS / 60_000, PRICES.perConnectionMinute);
  line('messages sent', day.sent, PRICES.perMessage);
  line('shadow operations', day.shadowOperations * Math.ceil(shadowBytes / SHADOW_UNIT_BYTES), PRICES.perShadowOperation);
  say(`| **together, counted as in AWS's price examples** | | **${usd(month)}** |`);
  line('messages received (answers of the shadow)', day.received, PRICES.perMessage);
  line('acknowledgements of those', day.acknowledged, PRICES.perMessage);
  say(`| together, with all that AWS's metering page lists | | ${usd(strict)} |`);
  say('');
  say(
    `A session costs ${start.sent} messages sent, ${start.received} received and ${start.shadowOperations} shadow operations to open: USD ${sessionPrice.toFixed(6)}.`,
  );
  if (values.json) {
    say(
      JSON.stringify({
        sentPerDay: day.sent,
        receivedPerDay: day.received,
        shadowOperationsPerDay: day.shadowOperations,
        shadowBytes,
        usdPerMonth: usd(month),
        usdPerMonthStrict: usd(strict),
        targetUsd: TARGET_USD,
      }),
    );
  }
  return month <= TARGET_USD ? 0 : 1;
}
