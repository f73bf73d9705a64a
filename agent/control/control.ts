import { dirname, join } from 'node:path';
import type { CommandEnvelope } from '../contract/command.ts';
import { ADMIN_SOCKET_NAME } from '../contract/local-sockets.ts';
import type { NodeMaintenance } from '../contract/maintenance.ts';
import type { NodesResult } from '../contract/node.ts';
import type { BusTrace } from '../contract/trace.ts';
import type { ZigbeeNetwork } from '../contract/zigbee.ts';
import type { ResetKind } from '../state/reset-notes.ts';
import { type MonotonicClock, sleep } from '../system/clock.ts';
import { HubError, messageOf } from '../system/errors.ts';
import type { Guard } from '../system/guard.ts';
import type { Log } from '../system/log.ts';
import { within } from '../system/timeout.ts';
import { type CommandReport, HEARTBEAT_MS, LOG_LEVELS, type WifiReport } from './api.ts';
import { ApiError, type ApiRequest, createApiServer, type Routes } from './http-server.ts';
import type { LogRing } from './log-ring.ts';
import { maintenanceRoutes } from './maintenance-routes.ts';
import { numberOf, recordOf, textOf } from './request-fields.ts';
import { collectStatus, type StatusDeps } from './status.ts';
import { whileWaiting } from './waiting.ts';
import { zigbeeRoutes } from './zigbee-routes.ts';

/** What the local API shows and does. */
export interface ControlDeps {
  socketPath: string;
  status: StatusDeps;
  nodes(bus: string | undefined): Promise<NodesResult>;
  commands(): CommandReport[];
  wifi(): Promise<WifiReport>;
  /** Publishes to the cloud, and cuts a backoff short; resolves with the time until its PUBACK, in milliseconds. @throws HubError */
  ping(signal: AbortSignal): Promise<number>;
  logs: LogRing;
  /** Null when there is no such bus. Returns the unsubscriber. */
  trace(bus: string, listener: (line: BusTrace) => void): (() => void) | null;
  execute(envelope: CommandEnvelope): Promise<CommandReport>;
  /** What is done with single nodes on the hub. */
  maintenance: NodeMaintenance;
  setLogLevel(level: string, minutes: number): void;
  /** Resolves when the reset is sure to happen, and begins to stop the agent, which then forgets. */
  reset(kind: ResetKind, signal: AbortSignal): Promise<void>;
  /** The Zigbee networks, and what is called when one is changed. */
  zigbee: readonly ZigbeeNetwork[];
  changed(): void;
  guard: Guard;
  clock: MonotonicClock;
  log: Log;
}

/** The local control API: two sockets. */
export interface Control {
  /** Opens both sockets. Never throws: the agent works without them, and its log names the fault. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** For reading: some terminals, a monitor and their streams. */
const MAX_READERS = 16;
const MAX_ADMINS = 4;
/** Terminals that trace at once; each costs work for each frame. */
const MAX_TRACERS = 4;
const DEFAULT_LOG_LINES = 100;
const MAX_LOG_LINES = 2_000;
/** A changed log level goes back by itself after this, in minutes. */
const DEFAULT_LEVEL_MINUTES = 60;
const MAX_LEVEL_MINUTES = 24 * 60;
/** Below what hubctl waits for the whole answer. */
const PING_TIMEOUT_MS = 3_000;

export function createControl(deps: ControlDeps): Control {
  const { log, clock, logs, guard } = deps;
  const zigbee = zigbeeRoutes({ networks: deps.zigbee, changed: deps.changed, clock, log });
  let tracers = 0;

  /** Ends when the client is gone; sends a sign of life in between. */
  async function untilGone({ signal }: ApiRequest, send: (value: unknown) => void): Promise<void> {
    while (!signal.aborted) {
      await sleep(clock, HEARTBEAT_MS, signal);
      if (!signal.aborted) send('');
    }
  }

  const reading: Routes = {
    ...zigbee.reading,
    'GET /v1/status': async () => ({ json: await collectStatus(deps.status) }),
    'GET /v1/nodes': async ({ query }) => ({ json: await deps.nodes(query.get('bus') ?? undefined) }),
    'GET /v1/commands': () => ({ json: { commands: deps.commands() } }),
    'GET /v1/wifi': async () => ({ json: await deps.wifi() }),

    'GET /v1/logs': ({ query }) => {
      const count = numberOf(query.get('lines'), DEFAULT_LOG_LINES, 0, MAX_LOG_LINES);
      const follows = query.get('follow') === '1';
      return {
        async lines(send, request) {
          // In one piece, which the ring bounds: line by line, the newest would be left out for a client that has read nothing yet.
          const backlog = logs.last(count);
          if (backlog.length > 0) send(backlog.join('\n'));
          if (!follows) return;
          const end = logs.follow(send);
          if (!end) return send({ level: 'error', event: 'too_many_followers', msg: 'Too many terminals follow the log already.' });
          await untilGone(request, send);
          end();
        },
      };
    },

    'GET /v1/bus/:id/trace': ({ param }) => {
      if (tracers >= MAX_TRACERS) throw new ApiError(429, 'busy', 'Too many terminals trace already.');
      const held: BusTrace[] = [];
      let deliver = (line: BusTrace): void => void held.push(line);
      const end = deps.trace(param, (line) => deliver(line));
      if (!end) throw new ApiError(404, 'unknown_bus', `There is no bus "${param}".`);
      tracers += 1;
      return {
        async lines(send, request) {
          for (const line of held) send(line);
          deliver = send;
          await untilGone(request, send);
          end();
          tracers -= 1;
        },
      };
    },
  };

  const changing: Routes = {
    ...maintenanceRoutes(deps),

    ...zigbee.changing,
    'POST /v1/run': ({ body }) => {
      const { command: name, args } = recordOf(body);
      const command = textOf(name, 'command');
      log.info({ event: 'control_run', command: command.slice(0, 64) }, 'a command was given on the hub');
      return { lines: async (send) => send(await whileWaiting(clock, send, deps.execute({ command, args }))) };
    },

    'POST /v1/ping': async ({ signal }) => {
      log.info({ event: 'control_ping' }, 'a test of the connection to the cloud was requested on the hub');
      const late = (): never => {
        throw new HubError('cloud_timeout', 'no PUBACK in time');
      };
      const pubackMs = await within(clock, PING_TIMEOUT_MS, deps.ping, late, { signal });
      return { json: { pubackMs: Math.round(pubackMs * 10) / 10 } };
    },

    'PUT /v1/log-level': ({ body }) => {
      const { level, minutes } = recordOf(body);
      if (!LOG_LEVELS.includes(level as never))
        throw new ApiError(400, 'invalid_level', `The level must be one of ${LOG_LEVELS.join(', ')}.`);
      const until = numberOf(minutes, DEFAULT_LEVEL_MINUTES, 1, MAX_LEVEL_MINUTES);
      log.warn({ event: 'control_log_level', logLevel: level, minutes: until }, 'the log level was changed on the hub');
      deps.setLogLevel(level as string, until);
      return { json: { level, minutes: until } };
    },

    'POST /v1/reset': async ({ body, signal }) => {
      const { kind } = recordOf(body);
      if (kind !== 'state' && kind !== 'factory') throw new ApiError(400, 'invalid_kind', 'The kind must be "state" or "factory".');
      log.warn({ event: 'control_reset', kind }, 'a reset was requested on the hub');
      await deps.reset(kind, signal);
      return { json: { kind } };
    },
  };

  const servers = [
    createApiServer({ path: deps.socketPath, mode: 0o660, maxConnections: MAX_READERS, routes: reading, clock: deps.clock, log, guard }),
    createApiServer({
      path: join(dirname(deps.socketPath), ADMIN_SOCKET_NAME),
      mode: 0o600,
      maxConnections: MAX_ADMINS,
      routes: changing,
      clock: deps.clock,
      log,
      guard,
    }),
  ];

  return {
    async start() {
      for (const server of servers) {
        await server
          .start()
          .catch((error: unknown) => log.error({ event: 'control_unavailable', reason: messageOf(error) }, 'hubctl cannot be served'));
      }
    },
    async stop() {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}
