import type { TLSSocket } from 'node:tls';
import * as mqtt from 'mqtt-packet';
import type { Cancel, MonotonicClock } from '../../../agent/system/clock.ts';
import { KEEP_ALIVE_GRACE } from './limits.ts';
import { createRateLimit } from './rate.ts';
import type { IotCoreLimits } from './types.ts';

/** Time a peer has to close its side after the last packet; what it still sends is thrown away, so that no reset overtakes that packet. */
const LINGER_MS = 2_000;

/** One TLS connection as a stream of MQTT packets, with the faults of a wire: delay and silence. */
export interface Connection {
  /** SHA-256 of the client's certificate in hex, as AWS forms certificate ids. */
  readonly certificateId: string;
  readonly remoteAddress: string;
  /** Set by the CONNECT; packets are written in this version. */
  protocolVersion: 4 | 5;
  /** Size of the packet on the wire. */
  send(packet: mqtt.Packet): number;
  sizeOf(packet: mqtt.Packet): number;
  /** Calls back once no packet has come for 1.5 × this time. */
  keepAlive(seconds: number, onTimeout: () => void): void;
  /** From now on the link is half-open: nothing is read or written. */
  silence(): void;
  /** Writes what was sent, then closes. */
  end(): void;
  /** Resets the TCP connection. */
  reset(): void;
}

export interface ConnectionHandlers {
  onPacket(packet: mqtt.Packet): void;
  onMalformed(error: Error): void;
  /** The peer went away or `end`, `reset` was called. Called once. */
  onClosed(): void;
}

export interface ConnectionDeps {
  clock: MonotonicClock;
  limits: IotCoreLimits;
  /** Resets the TCP connection below the TLS socket. */
  reset(): void;
  /** Milliseconds that each packet to this client is held back. */
  delayMs(): number;
  /** Told of each packet that is written, with its size. */
  onSent(packet: mqtt.Packet, bytes: number): void;
}

/** Takes over an established TLS socket. `handlers` are called from its events. */
export function createConnection(socket: TLSSocket, deps: ConnectionDeps, handlers: ConnectionHandlers): Connection {
  const { clock } = deps;
  const settings: { protocolVersion?: 4 | 5 } = {};
  const parser = mqtt.parser(settings);
  const bandwidth = createRateLimit(deps.limits.bytesPerSecond, clock.nowMs);
  const scheduled = new Set<Cancel>();
  let lastDueMs = 0;
  let lastPacketMs = clock.nowMs();
  let silent = false;
  /** Cleared once the broker has no more interest in what the peer sends. */
  let open = true;

  function schedule(delayMs: number, run: () => void): void {
    const cancel = clock.schedule(delayMs, () => {
      scheduled.delete(cancel);
      run();
    });
    scheduled.add(cancel);
  }

  function write(bytes: Buffer): void {
    if (!silent && socket.writable) socket.write(bytes);
  }

  parser.on('packet', (packet) => {
    if (!open) return;
    lastPacketMs = clock.nowMs();
    if (packet.cmd === 'connect') settings.protocolVersion = packet.protocolVersion === 5 ? 5 : 4;
    handlers.onPacket(packet);
  });
  parser.on('error', (error: Error) => {
    if (open) handlers.onMalformed(error);
  });
  socket.on('data', (bytes) => {
    if (!open) return;
    parser.parse(bytes);
    const waitMs = bandwidth.take(bytes.length);
    if (waitMs === 0 || !open) return;
    socket.pause();
    schedule(waitMs, () => {
      if (!silent) socket.resume();
    });
  });
  // What an error means for the session follows from the close that comes after it.
  socket.on('error', () => {});
  socket.on('close', () => {
    open = false;
    for (const cancel of scheduled) cancel();
    handlers.onClosed();
  });

  const generate = (packet: mqtt.Packet) => mqtt.generate(packet, { protocolVersion: connection.protocolVersion });

  function watch(limitMs: number, onTimeout: () => void): void {
    const leftMs = lastPacketMs + limitMs - clock.nowMs();
    if (leftMs <= 0) onTimeout();
    else schedule(leftMs, () => watch(limitMs, onTimeout));
  }

  const connection: Connection = {
    certificateId: (socket.getPeerX509Certificate()?.fingerprint256 ?? '').replaceAll(':', '').toLowerCase(),
    remoteAddress: socket.remoteAddress ?? '',
    protocolVersion: 5,
    sizeOf: (packet) => generate(packet).length,
    send(packet) {
      const bytes = generate(packet);
      if (!silent) deps.onSent(packet, bytes.length);
      const dueMs = Math.max(lastDueMs, clock.nowMs() + deps.delayMs());
      lastDueMs = dueMs;
      if (dueMs <= clock.nowMs()) write(bytes);
      else schedule(dueMs - clock.nowMs(), () => write(bytes));
      return bytes.length;
    },
    keepAlive: (seconds, onTimeout) => watch(seconds * 1000 * KEEP_ALIVE_GRACE, onTimeout),
    silence() {
      silent = true;
      socket.pause();
    },
    end() {
      open = false;
      if (silent) {
        socket.destroy();
        return;
      }
      const close = () => socket.end();
      const waitMs = lastDueMs - clock.nowMs();
      if (waitMs > 0) schedule(waitMs, close);
      else close();
      socket.resume();
      schedule(Math.max(0, waitMs) + LINGER_MS, () => socket.destroy());
    },
    reset() {
      open = false;
      deps.reset();
    },
  };
  return connection;
}
