/** The benchmarks by name; each file exports `run(args)`, which resolves with the exit code. */
const BENCHMARKS: Readonly<Record<string, string>> = {
  footprint: 'memory and start of the bundle, beside the smallest program with the same connection',
  scan: 'cold scan of an OSDP line, against the plain scan and the wire itself',
  'osdp-soak': 'hours on an OSDP line on a faster clock: memory, timers, listeners',
  spoil: 'OSDP sessions whose answers are spoilt so that they get in: back to the truth, never falsely secured',
  yank: 'the serial port pulled out and put back, a hundred times',
  model: 'the command machine in every interleaving',
  chaos: 'real agents under a seeded schedule of faults: nothing lost, nothing twice',
  storm: '10,000 hubs reconnect after an outage and after a power cut, within the quotas of an account',
  hubctl: 'how long a person at the terminal waits for it to start',
  flash: 'a batch of hubs flashed into images, killed in the middle and resumed',
  fuzz: 'a million payloads over all topics into a real agent',
  idle: 'processor, wake-ups, disk and messages of the bundle while nothing happens',
  latency: "from the API's POST to the answer in the shadow, beside an echo",
  soak: 'an hour of faults: memory, heap, timers, handles, listeners',
  slow: 'start and a command with a fifth of the processor',
  install: 'size of the package and of what it installs, part by part',
  update: 'an update of the bundle over Jobs: bytes, time, memory while it is fetched, and its price',
  page: "the demo's page: processor of the harness, heap, and a scroll through 10,000 lines",
  price: 'messages of an idle hub in a day, and their price',
  zigbee: 'a Zigbee network through everything that years bring: pairings lost, keys found, times, memory',
};

const USAGE = `usage: npm run bench -- NAME [--json] [options]

${Object.entries(BENCHMARKS)
  .map(([name, what]) => `  ${name.padEnd(10)} ${what}`)
  .join('\n')}

example: npm run bench -- scan --json
The last line is JSON. A target that is missed makes the exit code 1.
`;

async function main(): Promise<number> {
  const [name, ...args] = process.argv.slice(2);
  if (!name || name === '--help' || !(name in BENCHMARKS)) {
    process.stderr.write(name && name !== '--help' ? `bench: no benchmark named ${name}\n\n${USAGE}` : USAGE);
    return name === '--help' ? 0 : 64;
  }
  const { run } = (await import(`./${name}.ts`)) as { run(args: string[]): Promise<number> };
  return await run(args);
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(70);
  },
);
