import type { Node, OsdpFacts } from '../../contract/node.ts';
import { lookUp } from '../../health/finding.ts';
import { printable } from '../../system/printable.ts';
import { duration, utc } from '../../system/units.ts';
import type { StoredNode } from '../cli/stored.ts';
import type { Paint } from '../terminal/terminal.ts';
import { field } from '../terminal/text.ts';
import { lastStateOf, stateOf } from './node-state.ts';

const LABEL_WIDTH = 11;
const VERSIONS: Readonly<Record<NonNullable<OsdpFacts['osdpVersion']>, string>> = {
  iec_60839_11_5: 'IEC 60839-11-5',
  'sia_2.2': 'SIA OSDP 2.2',
};

const agoOf = (iso: string, nowMs: number) => `${duration((nowMs - Date.parse(iso)) / 1000)} ago`;

/** Inputs or outputs by their numbers; those of the same state together. */
function pointsText(states: readonly string[]): string {
  const texts = [...Map.groupBy(states.keys(), (index) => states[index])].map(([state, indexes]) => `${indexes.join(' ')} ${state}`);
  return texts.join(', ');
}

/** Each capability, with compliance level and number of items where they are known. */
function capabilitiesText({ capabilities, capabilityLevels = [], capabilityCounts = [] }: Node): string {
  const isKnown = capabilityLevels.length === capabilities.length && capabilityCounts.length === capabilities.length;
  const texts = isKnown ? capabilities.map((name, index) => `${name} ${capabilityLevels[index]}/${capabilityCounts[index]}`) : capabilities;
  return texts.join(', ') || '?';
}

function osdpRows({ osdpVersion, inputs, outputs, lastCardAt }: Node, nowMs: number): [string, string][] {
  return [
    ['OSDP', osdpVersion ? lookUp(VERSIONS, osdpVersion, osdpVersion) : '?'],
    ...(inputs ? [['Inputs', pointsText(inputs)] as [string, string]] : []),
    ...(outputs ? [['Outputs', pointsText(outputs)] as [string, string]] : []),
    ['Last card', lastCardAt ? agoOf(lastCardAt, nowMs) : 'none known'],
  ];
}

const yesNo = (value: boolean | null) => (value === null ? '?' : value ? 'YES' : 'no');

/** How the node is; of a stored node, that it is not known, and how it was. */
function headOf(node: Node, stored: StoredNode | null, nowMs: number, paint: Paint): string {
  const { text, colour } = stored ? lastStateOf(stored, nowMs) : stateOf(node, nowMs);
  return `${printable(node.nodeId)}  ${stored ? `?, was ${text}` : paint(colour, text)}`;
}

/** Everything that is known of a node. `stored`: the same node, when it is only known from the disk. */
export function nodeScreen(node: Node, nowMs: number, columns: number, paint: Paint, stored: StoredNode | null = null): string[] {
  const { vendor, model, serialNumber, firmwareVersion, hardwareVersion, firstSeen, lastSeen, security, securityReason, replaced } = node;
  const { linkQuality, tamper, powerFault, protocol, moved, lossesLastHour } = node;
  const wasOrIs = stored ? '?, was ' : '';
  const rows: [string, string][] = [
    ['Device', `vendor ${vendor ?? '?'}, model ${model ?? '?'}, serial ${serialNumber ?? '?'}`],
    ['Versions', `firmware ${firmwareVersion ?? '?'}${protocol === 'osdp' ? `, hardware ${hardwareVersion ?? '?'}` : ''}`],
    ['Seen', `${lastSeen === null ? 'never' : agoOf(lastSeen, nowMs)}, first ${firstSeen === null ? 'never' : utc(Date.parse(firstSeen))}`],
    ...(lossesLastHour ? [['Losses', `${lossesLastHour} in the last hour`] as [string, string]] : []),
    ['Security', `${wasOrIs}${security ?? '?'}${securityReason ? `, ${securityReason}` : ''}`],
    ['Tamper', `${wasOrIs}${yesNo(tamper)}, power fault ${wasOrIs}${yesNo(powerFault)}`],
    ['Link', linkQuality === null || stored ? '?' : `${linkQuality} of 255`],
    ['Can do', capabilitiesText(node)],
    ...(protocol === 'osdp' ? osdpRows(node, nowMs) : []),
    ...(moved
      ? [['Moved', `from ${moved.from}, here since ${moved.at === null ? '?' : utc(Date.parse(moved.at))}`] as [string, string]]
      : []),
    ...(replaced
      ? [
          ['Before it', `vendor ${replaced.vendor ?? '?'}, model ${replaced.model ?? '?'}, serial ${replaced.serialNumber ?? '?'}`] as [
            string,
            string,
          ],
        ]
      : []),
  ];
  return [headOf(node, stored, nowMs, paint), ...rows.flatMap(([label, value]) => field(label, printable(value), LABEL_WIDTH, columns))];
}
