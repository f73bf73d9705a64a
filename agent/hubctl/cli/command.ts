import type { ParseArgsConfig } from 'node:util';
import type { MonotonicClock, WallClock } from '../../system/clock.ts';
import type { HostFacts } from '../../system/host.ts';
import type { Secret } from '../../system/secret.ts';
import type { DoctorPorts } from '../doctor/check.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { AgentClient } from './client.ts';
import type { Places } from './locate.ts';

/** A network in the air. */
export interface AirNetwork {
  ssid: string;
  signalDbm: number | null;
  security: readonly string[];
  active: boolean;
}

/** What hubctl needs beside its terminal. The real ones load what they need when they are asked: hubctl must start at once. */
export interface HubctlPorts extends Omit<DoctorPorts, 'client' | 'places'> {
  version: string;
  /** Writes a file under a name that is free, whole or not at all, for its owner alone. @throws Error with the reason and the remedy */
  writeNew(path: string, data: Uint8Array, usualName: string): Promise<void>;
  /** Root becomes the owner of the path, for good, before it changes anything below. @throws Error */
  becomeOwner(path: string): Promise<void>;
  env: Readonly<Record<string, string | undefined>>;
  wallClock: WallClock;
  clock: MonotonicClock;
  /** Before the absolute paths of releases; empty on a hub. */
  releaseRoot: string;
  host(stateDirectory: string): HostFacts;
  /** The networks in reach. @throws HubError */
  wifiNetworks(interfaceName: string | null): Promise<AirNetwork[]>;
  /** Every secret of this hub, for keeping them out of a bundle, and where this user could not look for more. */
  secrets(places: Places): Promise<{ secrets: Secret[]; unread: string[] }>;
}

/** What a command works with. */
export interface CommandContext {
  terminal: Terminal;
  ports: HubctlPorts;
  client: AgentClient;
  places: Places;
  /** Print JSON, nothing else. */
  json: boolean;
  /** The command's own options and words. */
  options: Readonly<Record<string, string | boolean | undefined>>;
  words: readonly string[];
}

/** One command of hubctl. */
export interface Command {
  /** As typed: `nodes`, `wifi set`. */
  name: string;
  summary: string;
  /** After the name, such as `<bus>` or `[--watch]`. */
  usage: string;
  /** A paragraph each, not broken into lines; an option stands in front of its text, two spaces apart. */
  details?: readonly string[];
  example: string;
  options?: NonNullable<ParseArgsConfig['options']>;
  /** How many words it takes. */
  words?: { min: number; max: number };
  /** Every value that its first word can have, for the shell's completion; absent: any. */
  choices?: readonly string[];
  /** Returns the exit code. */
  run(context: CommandContext): Promise<number>;
}

/** Wrong arguments that only the command can see. */
export class UsageError extends Error {}
