import { parseArgs } from 'node:util';
import { agentSchema } from '../../agent/config/agent-schema.ts';
import { REGIONS } from './storm/account.ts';
import { runStorm, type StormKind, type StormOptions, type StormResult } from './storm/fleet.ts';
import { type Recovery, type RecoveryOptions, runRecovery } from './storm/recovery.ts';

/** One line of the result. */
interface StormCase {
  name: 'outage' | 'power';
  refused: number;
  allOnlineSeconds: number;
  idealSeconds: number;
  ratio: number;
}

const AGENTS = 10_000;
/** AWS IoT Core's default for an account. */
const LIMIT_PER_SECOND = 500;
const SECOND_MS = 1_000;
const OUTAGES_MS = [1, 10, 60, 600, 3_600].map((seconds) => seconds * SECOND_MS);

/** A fleet within an account: how it went away, and for how long. */
const RECOVERIES = [
  ['power', 0],
  ['outage', 10 * SECOND_MS],
  ['outage', 600 * SECOND_MS],
] as const;
/** Of the time that the quotas allow at best. */
const RECOVERY_TARGET = 2.5;
/** The share of the CONNECTs of an account that the advice for `spreadSeconds` uses. */
const HUBS_PER_SECOND_OF_SPREAD = 0.8;

const USAGE = `usage: npm run bench -- storm [--json] [--agents N] [--limit PER_SECOND] [--seed N] [--spread SECONDS] [--unreachable SECONDS] [--keepalive SECONDS] [--account]

The agent's own connection machines with their default configuration on simulated time, against a service that accepts a limited number of
CONNECTs in any second. --spread and --unreachable try other values of cloud.connect.

Then the agent's whole cloud part (sessions, shadow reads, reports) in an account with AWS's other quotas: shadow requests, inbound messages, rules;
in a region with the small defaults and in one with the large ones. --account: this part alone. 100,000 hubs take some minutes and 6 GB:
NODE_OPTIONS=--max-old-space-size=8000 npm run bench -- storm --account --agents 100000
`;

const ABOUT = {
  power: 'all hubs are switched on in the same moment; the service is there',
  reset: 'the service ends every connection and refuses TCP for the time of the outage',
  silent: 'packets vanish for the time of the outage; connections that nobody missed live on',
  crash: 'packets vanish, and connections are forgotten: each hub learns of it at its next ping',
} satisfies Record<StormKind, string>;

const say = (line: string) => process.stdout.write(`${line}\n`);
const seconds = (ms: number) => Math.round(ms / 100) / 10;

/** The configuration as it is shipped. */
function defaults(): Pick<StormOptions, 'connection' | 'keepAliveMs'> {
  const { cloud } = agentSchema.parse({ cloud: { endpoint: 'iot.example.com', caPath: 'ca.pem' } });
  const { spreadSeconds, minBackoffMs, maxBackoffMs, maxUnreachableBackoffMs, resetAfterMs } = cloud.connect;
  return {
    connection: { spreadMs: spreadSeconds * SECOND_MS, minBackoffMs, maxBackoffMs, maxUnreachableBackoffMs, settleMs: resetAfterMs },
    keepAliveMs: cloud.keepAliveSeconds * SECOND_MS,
  };
}

const HEADER = ['kind', 'outage', 'had to connect', 'refused', 'in the SDK', 'peak/s', 'all online', 'ideal', 'ratio', 'mean'];
const row = (cells: unknown[]) => cells.map((cell, index) => String(cell).padStart(HEADER[index]!.length + 1)).join(' ');

/** The connection machines alone. */
function measureConnects(base: Omit<StormOptions, 'kind' | 'outageMs'>): StormCase[] {
  const idealOf = ({ fallen }: StormResult) => (fallen / base.limitPerSecond) * SECOND_MS;

  say(`${base.agents} hubs, ${base.limitPerSecond} CONNECTs in any second, seed ${base.seed}, ${JSON.stringify(base.connection)}`);
  say('times in seconds, from the moment that the service can be reached');
  for (const [kind, about] of Object.entries(ABOUT)) say(`  ${kind}: ${about}`);
  say(row(HEADER));
  const measured: { kind: StormKind; result: StormResult; ratio: number }[] = [];
  function measure(kind: StormKind, outageMs: number): void {
    const result = runStorm({ ...base, kind, outageMs });
    const ratio = result.fallen === 0 ? 0 : result.allOnlineMs / idealOf(result);
    measured.push({ kind, result, ratio });
    const { fallen, refused, unsent, peakPerSecond, allOnlineMs, meanOnlineMs } = result;
    const times = [seconds(allOnlineMs), seconds(idealOf(result)), Math.round(ratio * 100) / 100, seconds(meanOnlineMs)];
    say(row([kind, seconds(outageMs), fallen, refused, unsent, peakPerSecond, ...times]));
  }
  measure('power', 0);
  for (const kind of ['reset', 'silent', 'crash'] as const) for (const outageMs of OUTAGES_MS) measure(kind, outageMs);
  say("The result's outage is the worst of the reset ones. A hub alone waits as long on average as one of the fleet.");

  const worst = (kind: StormKind) => measured.filter((each) => each.kind === kind).sort((a, b) => b.ratio - a.ratio)[0]!;
  const mostRefused = (kind: StormKind) => Math.max(...measured.filter((each) => each.kind === kind).map(({ result }) => result.refused));
  const caseOf = (name: StormCase['name'], kind: StormKind): StormCase => {
    const { result, ratio } = worst(kind);
    return {
      name,
      refused: mostRefused(kind),
      allOnlineSeconds: seconds(result.allOnlineMs),
      idealSeconds: seconds(idealOf(result)),
      ratio: Math.round(ratio * 1000) / 1000,
    };
  };
  return [caseOf('outage', 'reset'), caseOf('power', 'power')];
}

interface AccountCase {
  region: string;
  kind: RecoveryOptions['kind'];
  outageSeconds: number;
  recovery: Recovery;
  ratio: number;
}

const ACCOUNT_HEADER = [
  'region',
  'kind',
  'outage',
  'connected',
  '99.9 %',
  'all',
  'ideal',
  'ratio',
  'refused',
  'requests',
  'messages',
  'USD',
];

/** The whole cloud part of a fleet within the quotas of an account. */
async function measureAccounts(base: Pick<StormOptions, 'agents' | 'connection' | 'seed'> & { spread: boolean }): Promise<AccountCase[]> {
  const { cloud, heartbeatMinutes } = agentSchema.parse({ cloud: { endpoint: 'iot.example.com', caPath: 'ca.pem' } });
  const line = (cells: unknown[]) => say(cells.map((cell, index) => String(cell).padStart(ACCOUNT_HEADER[index]!.length + 2)).join(' '));
  say('');
  say(
    'The same fleet with sessions, shadow reads and reports, within the quotas of an account (a second: CONNECTs, shadow requests, inbound messages):',
  );
  for (const [name, quotas] of Object.entries(REGIONS)) say(`  ${name}: ${quotas.connects}, ${quotas.shadow}, ${quotas.inbound}`);
  say('until 99.9 % and all are shown online; refused: requests of every kind; requests to the Shadow service and messages: for each hub');
  line(ACCOUNT_HEADER);
  const cases: AccountCase[] = [];
  for (const [region, quotas] of Object.entries(REGIONS)) {
    // The advice of docs/operations/configuration.md, for fleets above the default.
    const advisedMs = Math.ceil(base.agents / (quotas.connects * HUBS_PER_SECOND_OF_SPREAD)) * SECOND_MS;
    const { spreadMs, maxUnreachableBackoffMs } = base.connection;
    const widerMs = base.spread ? 0 : Math.max(0, advisedMs - spreadMs);
    const connection = {
      ...base.connection,
      spreadMs: spreadMs + widerMs,
      maxUnreachableBackoffMs: maxUnreachableBackoffMs + widerMs,
      maxBackoffMs: Math.max(base.connection.maxBackoffMs, maxUnreachableBackoffMs + widerMs),
    };
    for (const [kind, outageMs] of RECOVERIES) {
      const recovery = await runRecovery({
        kind,
        outageMs,
        hubs: base.agents,
        quotas,
        connection,
        keepAliveSeconds: cloud.keepAliveSeconds,
        heartbeatMs: heartbeatMinutes * 60 * SECOND_MS,
        seed: base.seed,
      });
      // A fleet cannot be back before its spread is over.
      const bestMs = Math.max(recovery.idealMs, connection.spreadMs);
      const ratio = Math.round((recovery.shown999Ms / bestMs) * 100) / 100;
      cases.push({ region, kind, outageSeconds: outageMs / SECOND_MS, recovery, ratio });
      const { connectedMs, shown999Ms, shownAllMs, refused, shadowRequestsPerHub, messagesPerHub, usd } = recovery;
      const times = [connectedMs, shown999Ms, shownAllMs, bestMs].map(seconds);
      const all = Object.values(refused).reduce((sum, count) => sum + count, 0);
      const perHub = [shadowRequestsPerHub, messagesPerHub].map((count) => Math.round(count * 10) / 10);
      line([region, kind, outageMs / SECOND_MS, ...times, ratio, all, ...perHub, Math.round(usd * 1000) / 1000]);
    }
  }
  return cases;
}

/** `npm run bench -- storm [--json]`. Answers the exit code. */
export async function run(args: string[]): Promise<number> {
  const number = { type: 'string' } as const;
  const { values } = parseArgs({
    args,
    options: {
      json: { type: 'boolean', default: false },
      account: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      agents: { ...number, default: String(AGENTS) },
      limit: { ...number, default: String(LIMIT_PER_SECOND) },
      seed: { ...number, default: '1' },
      spread: number,
      unreachable: number,
      keepalive: number,
    },
  });
  if (values.help) {
    say(USAGE);
    return 0;
  }
  const { connection, keepAliveMs } = defaults();
  const base = {
    agents: Number(values.agents),
    limitPerSecond: Number(values.limit),
    seed: Number(values.seed),
    connection: {
      ...connection,
      ...(values.spread !== undefined && { spreadMs: Number(values.spread) * SECOND_MS }),
      ...(values.unreachable !== undefined && { maxUnreachableBackoffMs: Number(values.unreachable) * SECOND_MS }),
    },
    keepAliveMs: values.keepalive === undefined ? keepAliveMs : Number(values.keepalive) * SECOND_MS,
  };
  const cases = values.account ? [] : measureConnects(base);
  const accounts = await measureAccounts({ ...base, spread: values.spread !== undefined });
  if (values.json) {
    const account = accounts.map(({ recovery, ...each }) => ({
      ...each,
      shown999Seconds: seconds(recovery.shown999Ms),
      shownAllSeconds: seconds(recovery.shownAllMs),
      refused: recovery.refused,
      unsent: recovery.unsent,
      shadowRequestsPerHub: recovery.shadowRequestsPerHub,
      messagesPerHub: recovery.messagesPerHub,
      usd: recovery.usd,
      falselyOnline: recovery.falselyOnline,
    }));
    say(JSON.stringify({ agents: base.agents, limitPerSecond: base.limitPerSecond, cases, account }));
  }
  const connectsMet = cases.every(({ ratio, refused }) => ratio <= 2 && refused === 0);
  return connectsMet && accounts.every(({ ratio }) => ratio <= RECOVERY_TARGET) ? 0 : 1;
}
