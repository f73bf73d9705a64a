import { uptime } from 'node:os';
import { createAlarmCenter } from '../cloud/alarms/alarms.ts';
import { type Cloud, createCloud } from '../cloud/cloud.ts';
import type { Transport } from '../cloud/connection/transport.ts';
import { createClaimStore } from '../cloud/shadow/claim.ts';
import { createExecutor } from '../commands/executor.ts';
import { createLocalIntake } from '../commands/intake/local-intake.ts';
import { createJournal, journalFolder } from '../commands/lifecycle/journal.ts';
import { type CommandService, createCommandService } from '../commands/service.ts';
import type { AgentConfig } from '../config/config.ts';
import type { CloudFacts } from '../contract/cloud.ts';
import { portsOf } from '../contract/endpoint.ts';
import type { NodeDirectory } from '../contract/node.ts';
import type { ShadowView } from '../contract/shadow.ts';
import { topicsOf } from '../contract/topics.ts';
import type { CommandReport } from '../control/api.ts';
import type { SerialPorts } from '../nodes/osdp/port/port.ts';
import { createSerialPorts } from '../nodes/osdp/port/serialport.ts';
import { createNodeTable } from '../nodes/table.ts';
import { startOfBoot } from '../state/boot.ts';
import { ownState } from '../state/owner.ts';
import type { ResetKind } from '../state/reset-notes.ts';
import { createResets } from '../state/resets.ts';
import { removeTornWrites } from '../state/torn-writes.ts';
import type { MonotonicClock, WallClock } from '../system/clock.ts';
import type { Entropy } from '../system/entropy.ts';
import { createExpiryWatch } from '../system/expiry.ts';
import type { Files } from '../system/files.ts';
import type { Guards } from '../system/guard.ts';
import type { HostFacts } from '../system/host.ts';
import { createHostFacts } from '../system/linux/host-linux.ts';
import type { Notify } from '../system/linux/notify.ts';
import { createProbe, createWatchdog } from '../system/linux/watchdog.ts';
import type { Log } from '../system/log.ts';
import { createClockTrust } from '../system/trusted-clock.ts';
import { builtAtMs, version } from '../system/version.ts';
import { createWifi } from '../wifi/wifi.ts';
import { certificateReport, nodeReport } from './alarm-sources.ts';
import { createBuses } from './buses.ts';
import { createCommandCatalog } from './catalog.ts';
import { commandsCloud, sdkTransport } from './cloud-ports.ts';
import { createLocalApi, journalView, type LocalPorts } from './control-api.ts';
import { createCloudProof } from './reachability.ts';
import { type ReleasePorts, releaseTrial } from './release-trial.ts';
import { createUpdateJobs } from './update-jobs.ts';
import { createWifiFollower } from './wifi-report.ts';

/** The outside world. What is optional has a real implementation that the agent makes itself. */
export interface AgentPorts {
  wallClock: WallClock;
  clock: MonotonicClock;
  entropy: Entropy;
  files: Files;
  log: Log;
  guards: Guards;
  notify: Notify;
  transport?: Transport;
  serialPorts?: SerialPorts;
  host?: HostFacts;
  /** Without it nothing is served to hubctl. */
  local?: LocalPorts;
  /** D-Bus address of the system bus; default: its well-known place. */
  systemBusAddress?: string;
  release?: ReleasePorts | null;
}

/** The whole agent. */
export interface Agent {
  /** Starts the local services, then begins to connect. Resolves when the local services are up, whether or not there is a cloud. */
  start(): Promise<void>;
  /** Answers what can be answered, publishes `offline`, ends everything; bounded in time. */
  stop(): Promise<void>;
  cloud(): CloudFacts;
  /** Commands of every intake, oldest first. */
  commands(): CommandReport[];
  /** Resolves when a reset was requested on the hub: `stop()` then forgets, and the process has to end. */
  readonly resetAsked: Promise<ResetKind>;
  readonly nodes: NodeDirectory;
}

/** A folder that cannot be listed for so long will not be. */
const DISK_TRIAL_MS = 120_000;

/** Builds every part from configuration and ports, and connects them. Opens nothing. */
export async function createAgent(config: AgentConfig, ports: AgentPorts): Promise<Agent> {
  const { wallClock, clock, entropy, files, log, guards, notify } = ports;
  const { guard } = guards;
  const { identity, stateDirectory } = config;
  const topics = topicsOf(identity.thingName);
  const host = ports.host ?? createHostFacts({ wallClock, stateDirectory });
  const serialPorts = ports.serialPorts ?? createSerialPorts({ clock, guard });
  const claims = createClaimStore({ files, stateDirectory, log });

  const report: Cloud['report'] = (sections, options) => cloud.report(sections, options);
  const alarms = createAlarmCenter({ files, stateDirectory, expiresAt: config.certificateExpiresAt, clock, wallClock, log, report });

  const buses = await createBuses(config.buses, { ...ports, serialPorts, stateDirectory, guard, alarms });
  const nodes = createNodeTable({
    buses: buses.all,
    files,
    stateDirectory,
    clock,
    log: log.child({ part: 'nodes' }),
    onChange: nodeReport(alarms, () => report({ nodes: nodes.summary() })),
  });

  const wifi = createWifi({
    config: config.wifi,
    stateDirectory,
    proof: createCloudProof({ cloud: () => cloud, config, wallClock, entropy, guard }),
    files,
    clock,
    entropy,
    guard,
    log: log.child({ part: 'wifi' }),
    ...(ports.systemBusAddress !== undefined && { busAddress: ports.systemBusAddress }),
  });

  const told = () => jobs?.isTrialTold() ?? true;
  const trial = releaseTrial(ports, { stateDirectory, host, buses: () => nodes.buses(), cloud: () => cloud, told });
  const claim = () => claims.current();
  const catalog = createCommandCatalog({ config, nodes, wifi, host, cloud: () => cloud, claim, release: trial.report, clock });
  const commandLog = log.child({ part: 'commands' });
  const executor = createExecutor({ catalog, clock, log: commandLog });
  const localIntake = createLocalIntake({ catalog, executor, wallClock, entropy });
  const journal = createJournal({ files, directory: stateDirectory, entropy, log: commandLog });
  const commands: CommandService = createCommandService({
    cloud: commandsCloud(() => cloud),
    journal,
    executor,
    catalog,
    topics,
    shadowIntake: config.commands.intake.includes('shadow'),
    ttlSeconds: config.commands.ttlSeconds,
    isSuspect: alarms.isSuspect,
    wallClock,
    clock,
    entropy,
    log: commandLog,
  });

  const jobs = createUpdateJobs(config, {
    ...ports,
    root: ports.release?.root ?? '',
    cloud: () => cloud,
    isBusy: () => executor.active > 0,
    log: log.child({ part: 'update' }),
  });

  const wifiFollower = createWifiFollower({ wifi, report: (part) => cloud.report({ wifi: part }), clock, log });
  const clockTrusted = createClockTrust({ synchronized: host.clockSynchronized, wallClock, builtAtMs });
  const cloud = createCloud({
    transport: ports.transport ?? sdkTransport(config, { clock, entropy, guard }),
    targets: portsOf(config.cloud.port, config.cloud.fallbackPort).map((port) => ({ host: config.cloud.endpoint, port })),
    connection: {
      spreadMs: config.cloud.connect.spreadSeconds * 1000,
      minBackoffMs: config.cloud.connect.minBackoffMs,
      maxBackoffMs: config.cloud.connect.maxBackoffMs,
      maxUnreachableBackoffMs: config.cloud.connect.maxUnreachableBackoffMs,
      settleMs: config.cloud.connect.resetAfterMs,
    },
    clientId: identity.thingName,
    keepAliveSeconds: config.cloud.keepAliveSeconds,
    topics,
    identity: { hubId: identity.hubId, serial: identity.serial, model: identity.model, vendorName: identity.vendorName, version },
    executions: config.commands.intake.includes('executions'),
    ...(jobs && { jobs: { filter: jobs.filter, up: jobs.linkUp, message: guard('jobs message', jobs.message) } }),
    heartbeatMs: config.heartbeatMinutes * 60_000,
    uptimeSeconds: uptime,
    clockTrusted,
    listeners: {
      linkUp() {
        commands.linkUp();
        trial.linkUp();
        notify.status('online');
        wifiFollower.linkUp();
      },
      linkDown() {
        commands.linkDown();
        trial.linkDown();
        jobs?.linkDown();
        notify.status('offline');
        wifiFollower.linkDown();
      },
      takenOver: alarms.takenOver,
      view: guard('shadow view', onView),
      updated: (at) => commands.shadowUpdated(at),
      request: (id, payload) => {
        if (config.commands.intake.includes('executions')) commands.request(id, payload);
      },
    },
    wallClock,
    clock,
    entropy,
    log: log.child({ part: 'cloud' }),
  });

  async function onView(view: ShadowView): Promise<void> {
    alarms.view(view);
    if (view.source === 'delta') {
      commands.delta(view);
      if (claims.isNews(view.desired.claim)) await cloud.readShadow().catch(() => claims.unseen());
      return;
    }
    const claim = await claims.offer(view.desired.claim);
    if (claim) cloud.report({ claim });
  }

  const resets = createResets({ files, stateDirectory, log });
  const control =
    ports.local &&
    createLocalApi({
      config,
      local: ports.local,
      cloud,
      claim,
      release: trial.report,
      nodes,
      zigbee: buses.zigbee,
      wifi,
      commands,
      intake: localIntake,
      host,
      guards,
      alarms,
      reset: resets.ask,
      clock,
      wallClock,
      log: log.child({ part: 'control' }),
    });

  const watchdog = createWatchdog({ notify, clock, log });
  watchdog.require('cloud', cloud.isProgressing);
  watchdog.require('commands', commands.isProgressing);
  // Name lookups and files share a few threads; when they all hang, timers still run.
  watchdog.require('disk', createProbe({ clock, limitMs: DISK_TRIAL_MS, attempt: () => files.list(stateDirectory) }));
  let stopping = false;
  const expiry = createExpiryWatch({
    expiresAtMs: config.certificateExpiresAt.getTime(),
    clockTrusted,
    wallClock,
    clock,
    log,
    report: certificateReport(alarms, report),
  });
  /** The network goes last: `offline` is published over it. */
  async function forget(kind: ResetKind): Promise<void> {
    await resets.carryOut(kind);
    if (kind !== 'factory') return;
    await wifi.forget();
    await wifi.stop();
  }

  return {
    nodes,
    cloud: () => cloud.facts(),
    commands: () => journalView(commands, localIntake),
    resetAsked: resets.asked,

    async start() {
      log.info({ event: 'agent_starting', version, hubId: identity.hubId, thingName: identity.thingName }, 'hub agent starts');
      for (const { file, field, message, remedy } of config.warnings) log.warn({ event: 'config_warning', file, field, remedy }, message);
      const [bootId] = await Promise.all([host.bootId(), removeTornWrites(files, [stateDirectory, journalFolder(stateDirectory)], log)]);
      await ownState(files, { stateDirectory, hubId: identity.hubId, log, onFault: ports.local?.reportFileFault });
      await resets.resume();
      const ready = Promise.withResolvers<void>();
      const { isFirst } = await startOfBoot(files, stateDirectory, bootId);
      // A cut Wi-Fi change is put in order first. Until the CONNACK the SDK's thread and the network are at work: the rest is made ready meanwhile.
      void wifi.start().then(() => stopping || cloud.start({ processRestart: !isFirst, ready: ready.promise }));
      // What the buses report may be an alarm, and a command that runs again needs the nodes that are known.
      await Promise.all([claims.load(), alarms.start().then(nodes.start).then(commands.start), jobs?.start()]);
      // Without a claim the one that the shadow still shows from before goes.
      if (claims.isKnown()) cloud.report({ claim: claims.current() ?? undefined });
      ready.resolve();
      await control?.start();
      watchdog.start();
      expiry.start();
      notify.ready();
      trial.start();
      log.info({ event: 'agent_started' }, 'local services are up');
    },

    async stop() {
      stopping = true;
      log.info({ event: 'agent_stopping' }, 'hub agent stops');
      notify.stopping();
      await trial.stop();
      watchdog.stop();
      expiry.stop();
      wifiFollower.linkDown();
      await control?.stop();
      await Promise.all([commands.stop(), jobs?.stop()]);
      const reset = resets.pending();
      await Promise.all([cloud.stop(), nodes.stop(), ...(reset === 'factory' ? [] : [wifi.stop()])]);
      await alarms.stop();
      if (reset) await forget(reset);
      log.info({ event: 'agent_stopped' }, 'hub agent stopped');
    },
  };
}
