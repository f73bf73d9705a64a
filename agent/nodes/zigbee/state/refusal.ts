import type { Refusal, StickSight } from './decision.ts';
import type { NetworkRecord } from './network-record.ts';

/** What a refusal's text may name. Never a key. */
export interface RefusalFacts {
  bus: string;
  path: string;
  record: NetworkRecord | null;
  stick: StickSight;
  devices: number;
  /** Of this hub, with a record of its own for this stick; null: none. */
  formerBus: string | null;
}

const restore = (bus: string) => `sudo hubctl zigbee restore --bus ${bus}`;
const replace = (bus: string) => `sudo hubctl zigbee form --replace --bus ${bus}`;
const pan = (panId: number) => `PAN id 0x${panId.toString(16).padStart(4, '0')}`;
const plural = (count: number) => `${count} ${count === 1 ? 'device' : 'devices'}`;

const seen = (stick: StickSight) => (stick.kind === 'network' ? `${pan(stick.panId)}, channel ${stick.channel}` : 'none');

const TEXTS: Readonly<Record<Refusal, (facts: RefusalFacts) => string>> = {
  record_lost: ({ bus, devices }) =>
    `the record of its network is damaged, and no backup is left of it (${plural(devices)} known): the network is not started, since a start would form another one. Put the folder of the bus back from a copy of the hub's state, or: ${replace(bus)}`,
  network_lost: ({ bus, devices }) =>
    `the stick was given another network although this one existed (${plural(devices)}): ${restore(bus)} writes the network back to it from the last good backup`,
  foreign_network: ({ bus, path, record, stick, devices }) =>
    record === null
      ? `the stick at ${path} holds a network already (${seen(stick)}), and this hub has no record of it: a start would erase it. Plug the stick into its own hub, or: ${replace(bus)}`
      : `the stick at ${path} holds another network (${seen(stick)}) than this hub's (${pan(record.panId)}, ${plural(devices)}): a start would erase one of them. Plug in this hub's own stick, or ${restore(bus)} writes this hub's network to it`,
  renamed: ({ bus, path, formerBus }) =>
    `the stick at ${path} serves the network that this hub keeps for the bus "${formerBus}": was its "id" in agent.json changed? Set "id": "${formerBus}" again, or rename the folder zigbee/${formerBus} in the state directory to zigbee/${bus} while the agent is stopped. To give that network up: ${replace(bus)}`,
  other_channel: ({ bus, record, stick }) =>
    `the stick is on another channel (${seen(stick)}) than the network (${record?.channel ?? 'its own'}): something else changed it. ${restore(bus)} moves it back`,
  new_stick: ({ bus, path, devices }) =>
    `the stick at ${path} is another one than the network was formed on: ${restore(bus)} writes the network with its ${plural(devices)} to it`,
  other_adapter: ({ record }) =>
    `the network was formed on a stick of the kind "${record?.adapter ?? 'another kind'}", and "adapter" in agent.json says something else: a backup fits only its own kind. Correct "adapter"`,
  no_backup: ({ bus, devices }) =>
    `no backup of the network is left that could be trusted (${plural(devices)} known): a start could form another one. Plug in the stick that the network was formed on, or: ${replace(bus)}`,
  nothing_to_restore: () => 'there is no network of this hub that could be restored',
};

/** The reason with the way on, for people; without a capital or a full stop. */
export const refusalText = (refusal: Refusal, facts: RefusalFacts): string => TEXTS[refusal](facts);
