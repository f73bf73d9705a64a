import { FLAPS_AFTER, type Node, type OsdpFacts } from '../../contract/node.ts';
import { lookUp } from '../../health/finding.ts';
import { printable } from '../../system/printable.ts';
import { duration, utc } from '../../system/units.ts';
import type { Colour, Paint } from '../terminal/terminal.ts';
import { field } from '../terminal/text.ts';

const LABEL_WIDTH = 11;
const VERSIONS: Readonly<Record<NonNullable<OsdpFacts['osdpVersion']>, string>> = {
  iec_60839_11_5: 'IEC 60839-11-5',
  'sia_2.2': 'SIA OSDP 2.2',
};

/** That a device has another address now is worth knowing for a day. */
const MOVED_MS = 24 * 3_600_000;

const isFresh = ({ moved }: Node, nowMs: number) => moved != null && moved.at !== null && nowMs - Date.parse(moved.at) < MOVED_MS;

/** How a node is, in one word. */
export function stateOf(node: Node, nowMs: number): { text: string; colour: Colour } {
  const { available, problem, tamper, powerFault, securityReason, replaced, lossesLastHour = 0 } = node;
  if (!available) return { text: problem === 'garbled' ? 'GARBLED' : 'silent', colour: 'bad' };
  if (problem !== null) return { text: problem === 'garbled' ? 'GARBLED' : 'CLASH', colour: 'bad' };
  if (securityReason) return { text: 'UNSECURED', colour: 'bad' };
  if (tamper) return { text: 'TAMPER', colour: 'bad' };
  if (replaced) return { text: 'REPLACED', colour: 'bad' };
  if (powerFault) return { text: 'POWER', colour: 'warn' };
  if (lossesLastHour >= FLAPS_AFTER) return { text: 'FLAPS', colour: 'warn' };
  return isFresh(node, nowMs) ? { text: 'moved', colour: 'warn' } : { text: 'ok', colour: 'good' };
}

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

/** Everything that is known of a node. */
export function nodeScreen(node: Node, nowMs: number, columns: number, paint: Paint): string[] {
  const { nodeId, vendor, model, serialNumber, firmwareVersion, hardwareVersion, firstSeen, lastSeen, security, securityReason, replaced } =
    node;
  const { linkQuality, tamper, powerFault, protocol, moved, lossesLastHour } = node;
  const { text, colour } = stateOf(node, nowMs);
  const rows: [string, string][] = [
    ['Device', `vendor ${vendor ?? '?'}, model ${model ?? '?'}, serial ${serialNumber ?? '?'}`],
    ['Versions', `firmware ${firmwareVersion ?? '?'}${protocol === 'osdp' ? `, hardware ${hardwareVersion ?? '?'}` : ''}`],
    ['Seen', `${lastSeen === null ? 'never' : agoOf(lastSeen, nowMs)}, first ${firstSeen === null ? 'never' : utc(Date.parse(firstSeen))}`],
    ...(lossesLastHour ? [['Losses', `${lossesLastHour} in the last hour`] as [string, string]] : []),
    ['Security', `${security ?? '?'}${securityReason ? `, ${securityReason}` : ''}`],
    ['Tamper', `${yesNo(tamper)}, power fault ${yesNo(powerFault)}`],
    ['Link', linkQuality === null ? '?' : `${linkQuality} of 255`],
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
  return [
    `${printable(nodeId)}  ${paint(colour, text)}`,
    ...rows.flatMap(([label, value]) => field(label, printable(value), LABEL_WIDTH, columns)),
  ];
}
