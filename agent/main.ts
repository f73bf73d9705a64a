#!/usr/bin/env node
import { dirname, resolve } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { createAgent } from './compose/agent.ts';
import { refuseAsRoot } from './compose/refuse-root.ts';
import { releasePorts } from './compose/release-trial.ts';
import { proveTls } from './compose/tls-proof.ts';
import { credentialsDirectory, pathFor } from './config/credential-paths.ts';
import { installCredentials } from './config/install-credentials.ts';
import { keyFileValidator } from './config/key-files.ts';
import { loadConfig } from './config/load.ts';
import { isServiceCredential } from './config/paths.ts';
import { EX_CONFIG, formatProblem } from './config/problems.ts';
import { createLogDestination } from './control/log-destination.ts';
import { createAdjustableLog } from './control/log-level.ts';
import { createLogRing } from './control/log-ring.ts';
import { createMonotonicClock, createWallClock } from './system/clock.ts';
import { createEntropy } from './system/entropy.ts';
import { isHubError, messageOf } from './system/errors.ts';
import { watchFiles } from './system/file-faults.ts';
import { createFiles } from './system/files.ts';
import { createGuards, guardedClock } from './system/guard.ts';
import { createHostFacts } from './system/linux/host-linux.ts';
import { createNotify } from './system/linux/notify.ts';
import { EX_IOERR, OutputLost, writeOutput } from './system/linux/output.ts';
import { nonBlockingWrite } from './system/linux/standard-output.ts';
import { noteRun } from './system/linux/started.ts';
import { createLog } from './system/log.ts';
import { guessOption } from './system/misspelt.ts';
import { createPaths } from './system/paths.ts';
import { version } from './system/version.ts';

/** sysexits.h: wrong usage, internal error. */
const EX_USAGE = 64;
const EX_SOFTWARE = 70;
/** After this the process ends, even if something hangs; below the TimeoutStopSec of the unit, 30 s. */
const STOP_TIMEOUT_MS = 20_000;

const USAGE = `hub-agent ${version}: connects a smart-lock hub to AWS IoT.

usage: hub-agent [--identity FILE] [--config FILE] [--check | --install-credentials DIR]

  --identity FILE  who the hub is        (default: /etc/hub-agent/identity.json)
  --config FILE    how the agent works   (default: /etc/hub-agent/agent.json)
  --check          checks the configuration, says what is wrong with it, and ends
  --install-credentials DIR
                   puts DIR/certificate.pem and DIR/private-key.pem in place of those beside identity.json, if they are good;
                   for root; restart the service afterwards
  --version, --help

exit codes: 0 stopped as asked, 64 wrong usage, 70 a bug, 74 the output could not be written, 78 the configuration is wrong
example: hub-agent --identity ./identity.json --config ./agent.json
`;

const OPTIONS = {
  identity: { type: 'string', default: '/etc/hub-agent/identity.json' },
  config: { type: 'string', default: '/etc/hub-agent/agent.json' },
  check: { type: 'boolean', default: false },
  'install-credentials': { type: 'string' },
  version: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const satisfies ParseArgsConfig['options'];

const readArguments = () => parseArgs({ options: OPTIONS }).values;

/** The last words of a process that ends at once: a reader that does not read must not hold it. */
function lastWords(text: string): void {
  try {
    nonBlockingWrite(2)(Buffer.from(`hub-agent: ${text}\n`));
  } catch {
    // Standard error is closed, full or stuck; the exit code is left.
  }
}

async function main(): Promise<number> {
  let options: ReturnType<typeof readArguments>;
  try {
    options = readArguments();
  } catch (error) {
    const meant = guessOption(process.argv.slice(2), OPTIONS);
    process.stderr.write(`hub-agent: ${messageOf(error)}${meant && `.${meant}`}\n\n${USAGE}`);
    return EX_USAGE;
  }
  if (options.help || options.version) {
    await writeOutput(options.help ? USAGE : `${version}\n`);
    return 0;
  }

  const files = watchFiles(createFiles());
  const paths = createPaths();
  const wallClock = createWallClock();
  const newCredentials = options['install-credentials'];
  if (newCredentials !== undefined) {
    const deps = { files, paths, env: process.env, now: new Date(wallClock.nowMs()), proof: proveTls };
    const { folder, expiresAt } = await installCredentials(resolve(newCredentials), dirname(resolve(options.identity)), deps);
    await writeOutput(`${folder} is in use from the next start on; it lasts until ${expiresAt.toISOString()}.\n`);
    return 0;
  }
  // A check by hand has no credentials directory: it reads what the service would be given.
  const directory = await credentialsDirectory(process.env, paths);
  const env = options.check ? { ...process.env, CREDENTIALS_DIRECTORY: directory } : process.env;
  const config = await loadConfig({
    identityPath: options.identity,
    agentPath: options.config,
    files,
    paths,
    env,
    ...(options.check && { resolvePath: (file: string, path: string) => pathFor(directory, file, path), proof: proveTls }),
    now: new Date(wallClock.nowMs()),
    clockSynchronized: await createHostFacts({ wallClock, stateDirectory: '/' }).clockSynchronized(),
    // At a start one bus with a bad key file must not end the others: it is unavailable, with the reason.
    ...(options.check && { keyFileProblem: keyFileValidator((path) => isServiceCredential(env, path)) }),
  });
  if (options.check) {
    for (const warning of config.warnings) process.stderr.write(`hub-agent: ${formatProblem(warning)}\n`);
    await writeOutput(`The configuration of hub ${config.identity.hubId} is right.\n`);
    return 0;
  }

  await refuseAsRoot(config.stateDirectory, resolve(options.config));
  const clock = createMonotonicClock();
  const logs = createLogRing();
  const onRecovered = (lines: number) => log.warn({ event: 'log_lines_dropped', lines }, 'standard output takes lines again');
  const destination = await createLogDestination({ ring: logs, clock, onRecovered });
  const { log, level, set, stop: stopLevelTimer } = createAdjustableLog(createLog(config.log.level, destination), clock);
  const runtimeDirectory = process.env.RUNTIME_DIRECTORY;
  process.on('uncaughtException', (error) => {
    log.fatal({ event: 'bug', err: error }, 'an uncaught error');
    noteRun(runtimeDirectory, 'bug', log);
    process.exit(EX_SOFTWARE);
  });
  // Node writes its warnings to standard error, and waits there.
  process.removeAllListeners('warning');
  process.on('warning', (warning) => log.warn({ event: 'node_warning', err: warning }, warning.message));
  const guards = createGuards({ log, clock, wallClock });
  const onStopAsked = () =>
    clock.schedule(STOP_TIMEOUT_MS, () => {
      log.error({ event: 'stop_timed_out' }, 'the stop took too long');
      process.exit(EX_SOFTWARE);
    });
  const notify = createNotify(process.env, { log, guard: guards.guard });
  const stopAsked = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
  });
  // Also a start that hangs ends.
  void stopAsked.then(onStopAsked);
  // D-Bus specification, "System message bus": the variable comes before the well-known place.
  const systemBusAddress = process.env.DBUS_SYSTEM_BUS_ADDRESS;
  const agent = await createAgent(config, {
    wallClock,
    clock: guardedClock(clock, guards.guard),
    entropy: createEntropy(),
    files,
    log,
    guards,
    notify,
    release: releasePorts(process.env, process.argv[1] ?? ''),
    local: {
      logs,
      logOutput: destination.state,
      logLevel: level,
      setLogLevel: set,
      fileFaults: files.faults,
      reportFileFault: files.report,
    },
    ...(systemBusAddress && { systemBusAddress }),
  });
  void agent.resetAsked.then(onStopAsked);
  await agent.start();
  noteRun(runtimeDirectory, 'started', log);
  const signal = await Promise.race([stopAsked, agent.resetAsked.then((kind) => `reset (${kind})`)]);
  log.info({ event: 'signal', signal }, 'stop requested');
  stopLevelTimer();
  await agent.stop();
  noteRun(runtimeDirectory, 'stopped', log);
  return 0;
}

// The SDK's native client keeps the process for seconds after it is closed (measured), so the end is made here.
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (isHubError(error, 'config_invalid')) {
      lastWords(error.message);
      process.exit(EX_CONFIG);
    }
    if (error instanceof OutputLost) {
      lastWords(error.message);
      process.exit(EX_IOERR);
    }
    lastWords(error instanceof Error ? String(error.stack) : messageOf(error));
    process.exit(EX_SOFTWARE);
  },
);
