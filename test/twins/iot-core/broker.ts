import type { TLSSocket } from 'node:tls';
import type { IConnackPacket, IConnectPacket, Packet } from 'mqtt-packet';
import type { Cancel, MonotonicClock } from '../../../agent/system/clock.ts';
import { createClient } from './client.ts';
import { type ConnectRequest, checkConnect } from './connect.ts';
import { type Connection, createConnection } from './connection.ts';
import type { FaultState } from './fault-state.ts';
import type { Lifecycle, LifecycleSession } from './lifecycle.ts';
import { CONNECT_TIMEOUT_MS } from './limits.ts';
import type { Message } from './message.ts';
import { createRateLimit, type RateLimit } from './rate.ts';
import { type Ending, REASON, v3ReturnCode } from './reasons.ts';
import type { Router } from './router.ts';
import { createSession, type Session } from './session.ts';
import type { Timers } from './timers.ts';
import type { BrokerEvent, IotCoreLimits, WirePacket } from './types.ts';
import type { Wills } from './wills.ts';

export interface BrokerDeps {
  limits: IotCoreLimits;
  clock: MonotonicClock;
  timers: Timers;
  faults: FaultState;
  router: Router;
  wills: Wills;
  lifecycle: Lifecycle;
  /** The broker's own table of sessions, which the router reads. */
  sessions: Map<string, Session>;
  assignClientIds: boolean;
  uuid(): string;
  /** Whether the client may connect as this Thing with this certificate (SHA-256 in hex). */
  authenticates(thingName: string, certificateId: string): boolean;
  onPublish(message: Message): void;
  onEvent(kind: BrokerEvent['kind'], clientId: string | null, reason: string): void;
  onPacket(packet: WirePacket): void;
}

/** The message broker: connections, sessions and their ends. */
export interface Broker {
  /** Takes over a socket whose handshake is done; `reset` ends its TCP connection. */
  accept(socket: TLSSocket, reset: () => void): void;
  /** Ends a client's connection as the server; false when it is not connected. */
  kick(clientId: string): boolean;
  /** Ends the connections that were made with this certificate (SHA-256 in hex), as the server. */
  expel(certificateId: string): void;
  drop(clientId: string): boolean;
  silence(clientId: string): boolean;
  connections(): string[];
  /** Ends all connections without a word. */
  dropAll(): void;
}

interface Client {
  connection: Connection;
  end(ending: Ending, withWill: boolean, how?: 'close' | 'reset'): void;
}

/** Fixed header and the rest (MQTT 5, 2.1). */
function sizeOnWire({ length = 0 }: Packet): number {
  const lengthBytes = length < 128 ? 1 : length < 16_384 ? 2 : length < 2_097_152 ? 3 : 4;
  return 1 + lengthBytes + length;
}

export function createBroker(deps: BrokerDeps): Broker {
  const { clock, limits, sessions, faults } = deps;
  const clients = new Map<string, Client>();
  const connectRates = new Map<string, RateLimit>();
  const expiries = new Map<string, Cancel>();
  const versionNumbers = new Map<string, number>();
  const strangers = new Set<Connection>();

  /** Why this CONNECT is refused before anything else is looked at; null: it is not. */
  function refusal(packet: IConnectPacket, clientId: string, certificateId: string): { code: number; text: string } | null {
    if (faults.refuseConnect !== null) return { code: faults.refuseConnect, text: 'refused on command' };
    if (clientId === '') return { code: REASON.clientIdInvalid, text: 'empty client id' };
    let rate = connectRates.get(clientId);
    rate ??= createRateLimit(limits.connectsPerSecondPerClient, clock.nowMs);
    connectRates.set(clientId, rate);
    if (!rate.tryTake()) {
      const text = `more than ${limits.connectsPerSecondPerClient} CONNECT a second`;
      deps.onEvent('limit', clientId, text);
      return { code: REASON.quotaExceeded, text };
    }
    const assigned = packet.clientId === '';
    if (!assigned && !deps.authenticates(clientId, certificateId)) {
      return { code: REASON.notAuthorized, text: 'not a Thing with this certificate' };
    }
    return null;
  }

  function refuse(connection: Connection, clientId: string, code: number, text: string): void {
    deps.onEvent('refused', clientId, text);
    const returnCode = v3ReturnCode(code);
    if (connection.protocolVersion === 5) {
      connection.send({ cmd: 'connack', reasonCode: code, sessionPresent: false, properties: { reasonString: text } });
    } else if (returnCode !== null) {
      connection.send({ cmd: 'connack', returnCode, sessionPresent: false });
    }
    connection.end();
  }

  function openSession(request: ConnectRequest): { session: Session; present: boolean } {
    const { clientId } = request;
    expiries.get(clientId)?.();
    expiries.delete(clientId);
    const stored = sessions.get(clientId);
    if (stored && !request.cleanStart) {
      deps.wills.cancel(clientId);
      stored.expirySeconds = request.sessionExpirySeconds;
      return { session: stored, present: true };
    }
    deps.wills.flush(clientId);
    const session = createSession(clientId, clock, limits);
    session.expirySeconds = request.sessionExpirySeconds;
    sessions.set(clientId, session);
    return { session, present: false };
  }

  function closeSession(session: Session): void {
    session.detach();
    const { clientId } = session;
    const forget = () => {
      expiries.delete(clientId);
      sessions.delete(clientId);
    };
    if (session.expirySeconds === 0) forget();
    else expiries.set(clientId, deps.timers.schedule(session.expirySeconds * 1000, forget));
  }

  function connack(packet: IConnectPacket, request: ConnectRequest, sessionPresent: boolean): IConnackPacket {
    if (packet.protocolVersion !== 5) return { cmd: 'connack', returnCode: 0, sessionPresent };
    const properties: IConnackPacket['properties'] = {
      sessionExpiryInterval: request.sessionExpirySeconds,
      receiveMaximum: limits.maxInflightQos1,
      maximumQoS: 1,
      retainAvailable: true,
      maximumPacketSize: limits.maxPacketBytes,
      topicAliasMaximum: limits.maxTopicAliases,
      wildcardSubscriptionAvailable: true,
      subscriptionIdentifiersAvailable: false,
      sharedSubscriptionAvailable: true,
    };
    if (request.keepAliveSeconds !== packet.keepalive) properties.serverKeepAlive = request.keepAliveSeconds;
    if (packet.clientId === '') properties.assignedClientIdentifier = request.clientId;
    return { cmd: 'connack', reasonCode: 0, sessionPresent, properties };
  }

  /** Handles a CONNECT; returns what takes the packets after it, or null when it was refused. */
  function connect(connection: Connection, packet: IConnectPacket): { client: Client; handle(packet: Packet): void } | null {
    const canAssign = packet.clientId === '' && packet.protocolVersion === 5 && deps.assignClientIds;
    const clientId = canAssign ? `$GEN/${deps.uuid()}` : packet.clientId;
    const refused = refusal(packet, clientId, connection.certificateId);
    const check = checkConnect(packet, clientId, limits, faults.deniedPublishes);
    if (refused || !check.ok) {
      const { code, text } = refused ?? (check as { code: number; text: string });
      refuse(connection, clientId, code, text);
      return null;
    }
    const { request } = check;
    const older = clients.get(clientId);
    if (older) {
      deps.onEvent('kicked', clientId, 'taken over by a connection with the same client id');
      older.end({ reason: 'DUPLICATE_CLIENTID', code: REASON.sessionTakenOver, text: 'session taken over' }, true);
    }
    const { session, present } = openSession(request);
    const versionNumber = (versionNumbers.get(clientId) ?? -1) + 1;
    versionNumbers.set(clientId, versionNumber);
    const { certificateId: principalIdentifier, remoteAddress: ipAddress } = connection;
    const identity: LifecycleSession = { clientId, sessionIdentifier: deps.uuid(), principalIdentifier, ipAddress, versionNumber };
    let ended = false;
    const client: Client = {
      connection,
      end(ending, withWill, how = 'close') {
        if (ended) return;
        ended = true;
        clients.delete(clientId);
        if (ending.code !== null && connection.protocolVersion === 5) {
          connection.send({ cmd: 'disconnect', reasonCode: ending.code, properties: { reasonString: ending.text } });
        }
        if (how === 'reset') connection.reset();
        else connection.end();
        closeSession(session);
        deps.onEvent('disconnected', clientId, ending.reason);
        if (withWill && request.will) deps.wills.due(clientId, request.will, session.expirySeconds);
        deps.lifecycle.disconnected(identity, ending);
      },
    };
    clients.set(clientId, client);
    const onLimit = (text: string) => deps.onEvent('limit', clientId, text);
    const { router, onPublish } = deps;
    const { handle } = createClient({ connection, session, request, router, limits, clock, faults, onPublish, end: client.end, onLimit });
    connection.keepAlive(request.keepAliveSeconds, () => {
      client.end({ reason: 'MQTT_KEEP_ALIVE_TIMEOUT', code: REASON.keepAliveTimeout, text: 'keepalive timeout' }, true);
    });
    connection.send(connack(packet, request, present));
    deps.onEvent('connected', clientId, present ? 'session resumed' : 'new session');
    deps.lifecycle.connected(identity);
    const maximum = request.maximumPacketSize;
    session.attach({
      window: request.receiveMaximum,
      send(publish) {
        if (maximum !== null && connection.sizeOf(publish) > maximum) return false;
        connection.send(publish);
        return true;
      },
    });
    return { client, handle };
  }

  function onClient(clientId: string, run: (client: Client) => void): boolean {
    const client = clients.get(clientId);
    if (client) run(client);
    return client !== undefined;
  }

  const kick = (clientId: string) =>
    onClient(clientId, (client) => {
      deps.onEvent('kicked', clientId, 'administrative action');
      client.end({ reason: 'SERVER_INITIATED_DISCONNECT', code: REASON.administrativeAction, text: 'administrative action' }, true);
    });

  return {
    accept(socket, reset) {
      let accepted: ReturnType<typeof connect> = null;
      let clientId = '';
      const connection = createConnection(
        socket,
        {
          clock,
          limits,
          reset,
          delayMs: () => faults.delayMs.get(clientId) ?? 0,
          onSent: (packet, bytes) => deps.onPacket({ clientId, direction: 'down', packet, bytes }),
        },
        {
          onPacket(packet) {
            if (!accepted && packet.cmd === 'connect') clientId = packet.clientId;
            deps.onPacket({ clientId, direction: 'up', packet, bytes: sizeOnWire(packet) });
            if (accepted) return accepted.handle(packet);
            cancelTimeout();
            strangers.delete(connection);
            if (packet.cmd !== 'connect') return connection.reset();
            connection.protocolVersion = packet.protocolVersion === 5 ? 5 : 4;
            accepted = connect(connection, packet);
          },
          onMalformed(error) {
            if (!accepted) return connection.reset();
            accepted.client.end({ reason: 'CLIENT_ERROR', code: REASON.malformedPacket, text: error.message }, true);
          },
          onClosed() {
            cancelTimeout();
            strangers.delete(connection);
            accepted?.client.end({ reason: 'CONNECTION_LOST', code: null, text: 'connection lost' }, true);
          },
        },
      );
      strangers.add(connection);
      const cancelTimeout = clock.schedule(CONNECT_TIMEOUT_MS, () => connection.reset());
    },
    kick,
    expel(certificateId) {
      for (const [clientId, { connection }] of [...clients]) if (connection.certificateId === certificateId) kick(clientId);
    },
    drop: (clientId) => onClient(clientId, (client) => client.end({ reason: 'CONNECTION_LOST', code: null, text: 'reset' }, true, 'reset')),
    silence: (clientId) => onClient(clientId, (client) => client.connection.silence()),
    connections: () => [...clients.keys()],
    dropAll() {
      for (const connection of strangers) connection.reset();
      for (const client of [...clients.values()]) client.end({ reason: 'SERVER_ERROR', code: null, text: 'broker stopped' }, true, 'reset');
    },
  };
}
