import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ZigbeeWorld } from './world.ts';

/** Something that happens to a hub with paired devices. It begins and ends with the network up. */
export interface Scenario {
  name: string;
  /** Resolves with what was measured. */
  run(world: ZigbeeWorld): Promise<Partial<Measured> | undefined>;
}

/** Milliseconds. */
export interface Measured {
  yankDetectedMs: number;
  /** From the plug to the network that is up again. */
  replugMs: number;
  resumeMs: number;
}

export const agentOf = ({ agents }: ZigbeeWorld) => agents.at(-1)!;

/** Files of the network, as the library and the agent name them. */
export const FILE = {
  backup: 'coordinator_backup.json',
  database: 'database.db',
  databaseCopy: 'database.copy',
  backupCopy: 'backup.copy',
  records: ['network.json', 'network.copy.json'],
} as const;

export const pathOf = (world: ZigbeeWorld, name: string): string => join(world.state, name);
export const remove = (world: ZigbeeWorld, ...names: string[]) =>
  Promise.all(names.map((name) => rm(pathOf(world, name), { force: true })));

/** Starts the agent with what was prepared; the network comes up, and the status has these notices. */
export async function resumes(world: ZigbeeWorld, ...notices: string[]): Promise<void> {
  await world.start();
  await world.up();
  await tells(world, ...notices);
  // What the next one finds is complete: the copies are made a moment after the network is up.
  await world.change('backup');
}

export async function tells(world: ZigbeeWorld, ...notices: string[]): Promise<void> {
  const told = (await world.status()).notices.map(({ code }) => code);
  for (const notice of notices)
    if (!told.includes(notice)) throw new Error(`the notice ${notice} is not among: ${told.join(', ') || 'none'}`);
}

/** Starts the agent, which must refuse for this reason, and leave the stick as it is. */
export async function refuses(world: ZigbeeWorld, says: RegExp): Promise<void> {
  const flash = JSON.stringify(world.stick.coordinator.network());
  await world.start();
  const { msg } = await world.unavailable('network');
  if (!says.test(msg)) throw new Error(`the refusal does not say ${says}: ${msg}`);
  if (JSON.stringify(world.stick.coordinator.network()) !== flash) throw new Error('a start that was refused has changed the stick');
}

/** The explicit way on: the hub's network is written to the stick that is plugged in. */
export async function restores(world: ZigbeeWorld): Promise<void> {
  world.mark();
  await world.change('restore');
  await world.up();
  await world.change('backup');
}
