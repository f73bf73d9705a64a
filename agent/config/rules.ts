import type * as z from 'zod';
import { MAX_OSDP_ADDRESS } from '../contract/osdp.ts';
import type { agentSchema } from './agent-schema.ts';

/** `agent.json` after the schema: defaults are filled in, paths and ranges are as written. */
export type AgentDocument = z.output<typeof agentSchema>;

export interface RuleProblem {
  field: string;
  message: string;
  remedy: string;
}

/** What a schema of single fields cannot say: how fields of one section fit together. One function a section; each gets only what the schema accepted. */
type Rules = { [Section in keyof AgentDocument]?: (section: AgentDocument[Section]) => RuleProblem[] };

/** AWS IoT Core's lower bound for the MQTT keepalive, seconds. */
const MIN_KEEP_ALIVE_SECONDS = 30;
/** sun_path of a Unix socket address, without the NUL. */
export const MAX_SOCKET_PATH_BYTES = 107;

type AddressEntries = (AgentDocument['buses'][number] & { protocol: 'osdp' })['addresses'];

/** The addresses of a list of numbers and ranges, in order, each with the entry that named it. */
export function expandAddresses(entries: AddressEntries): { address: number; entry: number }[] {
  return entries.flatMap((value, entry) => {
    const [first = 0, last = first] = typeof value === 'number' ? [value] : value.split('-').map(Number);
    const addresses = [];
    for (let address = first; address <= Math.min(last, MAX_OSDP_ADDRESS); address++) addresses.push({ address, entry });
    return addresses;
  });
}

function checkAddresses(entries: AddressEntries, field: string): RuleProblem[] {
  const problems: RuleProblem[] = [];
  entries.forEach((value, index) => {
    if (typeof value === 'number') return;
    const [first = 0, last = 0] = value.split('-').map(Number);
    if (first > last || last > MAX_OSDP_ADDRESS) {
      const message = `the range "${value}" must go from a lower to a higher address, at most ${MAX_OSDP_ADDRESS}`;
      problems.push({ field: `${field}[${index}]`, message, remedy: `Correct it, such as "0-${MAX_OSDP_ADDRESS}".` });
    }
  });
  const seen = new Set<number>();
  const reported = new Set<number>();
  for (const { address, entry } of expandAddresses(entries)) {
    if (seen.has(address) && !reported.has(entry)) {
      reported.add(entry);
      problems.push({
        field: `${field}[${entry}]`,
        message: `address ${address} is already in the list`,
        remedy: 'Name each address once.',
      });
    }
    seen.add(address);
  }
  return problems;
}

function duplicates<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  report: (first: number, again: number) => RuleProblem,
): RuleProblem[] {
  const seen = new Map<string, number>();
  return items.flatMap((item, index) => {
    const first = seen.get(keyOf(item));
    if (first !== undefined) return [report(first, index)];
    seen.set(keyOf(item), index);
    return [];
  });
}

export const rules: Rules = {
  cloud(cloud) {
    const problems: RuleProblem[] = [];
    if (cloud.keepAliveSeconds < MIN_KEEP_ALIVE_SECONDS && !cloud.allowShortKeepAlive) {
      const message = `${cloud.keepAliveSeconds} is less than the ${MIN_KEEP_ALIVE_SECONDS} that AWS takes`;
      const remedy = `Set ${MIN_KEEP_ALIVE_SECONDS} or more; on a test rig, set cloud.allowShortKeepAlive to true.`;
      problems.push({ field: 'cloud.keepAliveSeconds', message, remedy });
    }
    if (cloud.connect.minBackoffMs > cloud.connect.maxBackoffMs) {
      const message = `${cloud.connect.minBackoffMs} is more than maxBackoffMs, ${cloud.connect.maxBackoffMs}`;
      problems.push({ field: 'cloud.connect.minBackoffMs', message, remedy: 'Set it to maxBackoffMs or less.' });
    }
    return problems;
  },

  buses(buses) {
    const sameId = (first: number, again: number) => ({
      field: `buses[${again}].id`,
      message: `"${buses[again]!.id}" is also the id of buses[${first}]`,
      remedy: 'Give each bus an id of its own.',
    });
    const samePort = (first: number, again: number) => ({
      field: `buses[${again}].path`,
      message: `"${buses[again]!.path}" is also the port of buses[${first}]`,
      remedy: 'Give each bus a port of its own; one line is one bus.',
    });
    return [
      ...duplicates(buses, (bus) => bus.id, sameId),
      ...duplicates(buses, (bus) => bus.path, samePort),
      ...buses.flatMap((bus, index) => (bus.protocol === 'osdp' ? checkAddresses(bus.addresses, `buses[${index}].addresses`) : [])),
    ];
  },

  commands({ intake }) {
    const report = (_first: number, again: number) => ({
      field: `commands.intake[${again}]`,
      message: `"${intake[again]}" is already in the list`,
      remedy: 'Name each intake once.',
    });
    return duplicates(intake, (name) => name, report);
  },

  wifi(wifi) {
    if (wifi.attemptTimeoutSeconds < wifi.checkpointSeconds) return [];
    const message = `${wifi.attemptTimeoutSeconds} is not less than checkpointSeconds, ${wifi.checkpointSeconds}`;
    const remedy = 'Set it lower: the old network would come back in the middle of the attempt.';
    return [{ field: 'wifi.attemptTimeoutSeconds', message, remedy }];
  },
};
