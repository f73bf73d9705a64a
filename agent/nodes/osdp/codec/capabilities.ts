import type { Capability } from './reply.ts';

/** Function codes of a capability report (SIA OSDP 2.2, annex "PD capability function codes"). */
const NAMES: Readonly<Record<number, string>> = {
  1: 'contact_status_monitoring',
  2: 'output_control',
  3: 'card_data_format',
  4: 'reader_led_control',
  5: 'reader_audible_output',
  6: 'reader_text_output',
  7: 'time_keeping',
  8: 'check_character_support',
  9: 'communication_security',
  10: 'receive_buffer_size',
  11: 'largest_combined_message_size',
  12: 'smart_card_support',
  13: 'readers',
  14: 'biometrics',
  15: 'secure_pin_entry',
  16: 'osdp_version',
};

/** Contacts that the PD watches: their number is the count. */
export const INPUTS = 1;
/** Switched outputs, such as relays: their number is the count. */
export const OUTPUTS = 2;
/** Which version of OSDP the PD follows, as its compliance. */
export const OSDP_VERSION = 16;
const CHECK_CHARACTERS = 8;
/** Bit 0 of function 8's compliance: CRC-16 too; without it, checksums alone. */
const CRC16 = 0x01;
const COMMUNICATION_SECURITY = 9;
const READERS = 13;
/** Bit 0 of function 9's compliance: AES-128 with the secure channel. */
const AES128 = 0x01;

/** What the PD has: a function with compliance and count 0 is absent. */
export function present(capabilities: readonly Capability[]): readonly Capability[] {
  return capabilities.filter(({ compliance, count }) => compliance !== 0 || count !== 0);
}

/** Names for `Node.capabilities`, in the PD's order; a function with compliance and count 0 is absent, an unnamed code is `function_<code>`. */
export function capabilityNames(capabilities: readonly Capability[]): string[] {
  return present(capabilities).map(({ code }) => NAMES[code] ?? `function_${code}`);
}

/** True when the PD reports support for CRC. */
export function supportsCrc(capabilities: readonly Capability[]): boolean {
  return capabilities.some(({ code, compliance }) => code === CHECK_CHARACTERS && (compliance & CRC16) !== 0);
}

/** How many items of a function the PD reports. */
export function itemsOf(capabilities: readonly Capability[], function_: number): number {
  return capabilities.find(({ code }) => code === function_)?.count ?? 0;
}

/** True when the PD reports attached readers. */
export function hasReaders(capabilities: readonly Capability[]): boolean {
  return itemsOf(capabilities, READERS) > 0;
}

/** True when the PD reports support for the secure channel. */
export function supportsSecureChannel(capabilities: readonly Capability[]): boolean {
  return capabilities.some(({ code, compliance }) => code === COMMUNICATION_SECURITY && (compliance & AES128) !== 0);
}
