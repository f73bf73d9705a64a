import type { Alarm } from '../contract/alarm.ts';
import type { CloudFacts } from '../contract/cloud.ts';
import type { ReleaseReport } from '../contract/release.ts';
import type { FileFault } from '../system/file-faults.ts';
import { faultFindings, logFindings, type ProcessFacts } from './agent.ts';
import { type BusFacts, busFinding, defaultKeyFindings, emptyBusFindings, silentFindings } from './bus.ts';
import { connectionFindings, reconnectFindings, refusalFindings, shadowFindings, takeoverFindings } from './cloud.ts';
import { filesFindings } from './files.ts';
import type { HealthFinding } from './finding.ts';
import { hostFindings, type MachineFacts } from './host.ts';
import { tampered, tamperFindings } from './node.ts';
import { updateFindings } from './update.ts';
import { type ZigbeeFacts, zigbeeFindings } from './zigbee.ts';

/** The facts by which a running agent is assessed. Fields that may be absent are those that an older agent does not report. */
export interface HealthFacts extends BusFacts, Omit<ZigbeeFacts, 'clock'>, MachineFacts {
  clock: MachineFacts['clock'] & ZigbeeFacts['clock'];
  agent: ProcessFacts;
  cloud: CloudFacts;
  alarms?: readonly Alarm[];
  fileFaults?: readonly FileFault[];
  release?: ReleaseReport;
}

/**
 * What is wrong with a running agent, the worst first.
 * @param ofNodes what the agent found of its nodes, which it knows one by one
 */
export function assess(facts: HealthFacts, ofNodes: readonly HealthFinding[]): HealthFinding[] {
  const { agent, cloud, buses, alarms = [] } = facts;
  const lastTakeover = alarms.findLast(({ kind }) => kind === 'taken_over')?.since ?? null;
  return [
    ...connectionFindings(cloud),
    ...shadowFindings(cloud),
    ...takeoverFindings(cloud, lastTakeover),
    ...filesFindings(facts),
    ...tamperFindings(tampered(alarms)),
    ...refusalFindings(cloud),
    ...buses.flatMap((bus) => busFinding(bus) ?? []),
    ...zigbeeFindings(facts),
    ...emptyBusFindings(facts),
    ...ofNodes,
    ...silentFindings(facts),
    ...defaultKeyFindings(facts.nodesByBus ?? []),
    ...faultFindings(agent),
    ...logFindings(agent),
    ...hostFindings(facts),
    ...updateFindings(facts),
    ...reconnectFindings(cloud),
  ];
}
