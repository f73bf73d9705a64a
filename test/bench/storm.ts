import { parseArgs } from 'node:util';
import { agentSchema } from '../../agent/config/agent-schema.ts';
import { runStorm, type StormKind, type StormOptions, type StormResult } from './storm/fleet.ts';

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

const USAGE = `usage: npm run bench -- storm [--json] [--agents N] [--limit PER_SECOND] [--seed N] [--spread SECONDS] [--unreachable SECONDS] [--keepalive SECONDS]

The agent's own connection machines with their default configuration on simulated time, against a service that accepts a limited number of
CONNECTs in any second. --spread and --unreachable try other values of cloud.connect.
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

/** `npm run bench -- storm [--json]`. Answers the exit code. */
export async function run(args: string[]): Promise<number> {
  const number = { type: 'string' } as const;
  const { values } = parseArgs({
    args,
    options: {
      json: { type: 'boolean', default: false },
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
  const cases = [caseOf('outage', 'reset'), caseOf('power', 'power')];
  if (values.json) say(JSON.stringify({ agents: base.agents, limitPerSecond: base.limitPerSecond, cases }));
  return cases.every(({ ratio, refused }) => ratio <= 2 && refused === 0) ? 0 : 1;
}
