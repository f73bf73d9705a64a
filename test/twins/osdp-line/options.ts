/** A fixed time, or one drawn evenly from a range for each reply. Milliseconds. */
export type Turnaround = number | { minMs: number; maxMs: number };

/**
 * Which check a peripheral uses. `as_asked` answers with the request's; `always_crc` takes both and answers with a CRC; `crc_only` and
 * `checksum_only` do not understand a frame with the other check and stay silent; `checksum_or_nak` answers it by NAK 1.
 */
export type CheckPolicy = 'as_asked' | 'always_crc' | 'crc_only' | 'checksum_only' | 'checksum_or_nak';

/** What a peripheral that requires the secure channel answers before it. The handshake is always answered. */
export type AnsweredInClear = 'identity_and_capabilities' | 'identity' | 'nothing';

/** How a peripheral handles the secure channel. */
export interface SecureChannelOptions {
  /** In clear only the handshake and what `inClear` says are answered, everything else gets NAK 6. Default false. */
  required?: boolean;
  /** Default `identity_and_capabilities`. */
  inClear?: AnsweredInClear;
  /** How it says that it has no key of the kind that the challenge asks for: NAK 5 or NAK 6. Default 5. */
  missingKeyNak?: 5 | 6;
  /** The own key (SCBK, 16 bytes), or null when none was installed. Default null. */
  key?: Uint8Array | null;
  /** Accepts the default key SCBK-D. Default: only while no own key is installed. */
  acceptsDefaultKey?: boolean;
  /** The client identifier of CCRYPT, 8 bytes. Default: the first 8 bytes of PDID. */
  clientId?: Uint8Array;
  /** Sends data replies MAC-only in a block of type 15, as some peripherals do. Default false. */
  leavesDataInClear?: boolean;
  /** Takes no key: KEYSET is answered with NAK 3, as by peripherals whose key is set with the maker's own tool. Default false. */
  refusesKeys?: boolean;
  /** Stays in the channel of the old key after KEYSET, until the panel begins a new one. Default false. */
  keepsChannelAfterKeyset?: boolean;
  /** Answers a command in clear inside a channel with an SCS_18 reply, as some peripherals do, instead of NAK 6. Default false. */
  answersClearInside?: boolean;
}

/** What a peripheral does wrong, for as long as it is set. Rates are probabilities a request, 0…1. */
export interface PeripheralFaults {
  /** Hears, acts and never answers. */
  silent?: boolean;
  /** Answers so many more times, then never again. */
  muteAfter?: number;
  /** Some replies come later by so many milliseconds than the turnaround. */
  late?: { rate: number; byMs: number };
  /** Answers BUSY so many more times. */
  busyTimes?: number;
  /** Answers BUSY at this rate; 1 is for ever. */
  busyRate?: number;
  /** Loses replies at this rate. */
  dropRate?: number;
  /** Answers every command with this NAK code. */
  alwaysNak?: number;
  /** Answers under this address instead of its own. */
  wrongAddress?: number;
  /** Leaves out the bit that marks a reply. */
  asCommand?: boolean;
  /** Sends so many bytes more (or fewer, when negative) in the data of this reply in clear than there should be. */
  oddLength?: { code: number; by: number };
  /** Answers under the sequence number after the request's. */
  wrongSequence?: boolean;
  /** Spoils the MAC of so many more replies inside the secure channel. */
  badMacTimes?: number;
  /** Hears the handshake's first step and never answers it. */
  ignoresChallenge?: boolean;
  /** Breaks the reply off after so many bytes. */
  truncateTo?: number;
  /** Sends each reply so many times, one after the other. */
  repeatTimes?: number;
  /** Sends a wrong check at this rate. */
  badCheckRate?: number;
  /** Answers a frame with a wrong check by NAK 1 instead of silence. */
  nakBadCheck?: boolean;
  /** Talks rubbish unasked: a burst of so many bytes each so many milliseconds. */
  babble?: { bytes: number; everyMs: number };
}

/** What a lamp was told last: for a time, in tenths of a second, or for good. */
export interface LampState {
  reader: number;
  lamp: number;
  onColour: number;
  offColour: number;
  /** Tenths of a second; null: for good. */
  tenths: number | null;
}

/** What a buzzer was told last: tone, tenths of a second on and off, how often (0: until told otherwise). */
export interface BuzzerState {
  reader: number;
  tone: number;
  onTenths: number;
  offTenths: number;
  count: number;
}

/** One capability: function code, compliance level, number of objects (OSDP 2.2, annex B). */
export type Capability = readonly [functionCode: number, compliance: number, count: number];

/** A peripheral as it is wired to the line. */
export interface PeripheralOptions {
  /** 0…126. */
  address: number;
  /** The vendor code: 6 hex digits, in the order of the wire. Default `5eca00`. */
  vendor?: string;
  /** 0…255. Default 1. */
  model?: number;
  /** Hardware version, 0…255. Default 2. */
  version?: number;
  /** 32 bits. Default: made from the address. */
  serialNumber?: number;
  /** Major, minor, build. Default 2.7.19. */
  firmware?: readonly [number, number, number];
  /** Default: a reader with inputs, outputs, an LED and a buzzer. Function 8 follows `check`, 9 `secureChannel` when they are not listed. */
  capabilities?: readonly Capability[];
  tampered?: boolean;
  powerFault?: boolean;
  /** The tamper switch of reader 0 (RSTATR), apart from the peripheral's own. Default false. */
  readerTampered?: boolean;
  /** State of each input: 0 inactive, 1 active, 2 short, 3 open, 4 fault (OSDP 2.2.2, table 52). Default: as many as function 1 counts, inactive. */
  inputs?: readonly number[];
  /** State of each output: 0 or 1. Default: as many as function 2 counts, inactive. */
  outputs?: readonly number[];
  /** Reports changes of tamper, power, inputs and outputs by itself on a POLL. Default true. */
  reportsChanges?: boolean;
  /** Silent to everything but a POLL until the first one since it began or went off-line, which it answers with ISTATR. Default false. */
  waitsForPoll?: boolean;
  /** Refuses a sequence number that is out of order. Without it a restart between two polls is not noticed. Default true. */
  policesSequence?: boolean;
  /** The time from the end of a request to the start of the reply. Default 3 ms. */
  turnaround?: Turnaround;
  /** Default `as_asked`. */
  check?: CheckPolicy;
  /** Sends the mark byte FF before a frame. Default false. */
  mark?: boolean;
  /** The speed it is set to. Default: the line's. */
  baudRate?: number;
  /** Null: it has none and answers the handshake with NAK 5. Default null. */
  secureChannel?: SecureChannelOptions | null;
  faults?: PeripheralFaults;
  /** Dead time after a power cycle. Default 500 ms. */
  bootMs?: number;
  /** Starts again by itself after COMSET and KEYSET, and is dead for its boot time, as some makers' readers do. Default false. */
  restartsAfterSettings?: boolean;
  /** Answers COMSET and KEYSET with BUSY so many times each while it writes its memory, then with what came of it. Default 0. */
  busyForSettings?: number;
}

/** What is on the line now: all defaults filled in. The running twin changes it (COMSET, KEYSET, tampering). */
export interface PeripheralSettings {
  address: number;
  vendor: Uint8Array;
  model: number;
  version: number;
  serialNumber: number;
  firmware: readonly [number, number, number];
  capabilities: readonly Capability[];
  tampered: boolean;
  powerFault: boolean;
  readerTampered: boolean;
  inputs: readonly number[];
  outputs: readonly number[];
  reportsChanges: boolean;
  waitsForPoll: boolean;
  policesSequence: boolean;
  turnaround: Turnaround;
  check: CheckPolicy;
  mark: boolean;
  baudRate: number;
  secureChannel: SecureChannelOptions | null;
  faults: PeripheralFaults;
  bootMs: number;
  lamp: LampState | null;
  buzzer: BuzzerState | null;
  restartsAfterSettings: boolean;
  busyForSettings: number;
}

const INPUTS = 1;
const OUTPUTS = 2;
const CHECK_CHARACTERS = 8;
const COMMUNICATION_SECURITY = 9;
const READER: readonly Capability[] = [
  [1, 1, 2],
  [2, 1, 1],
  [3, 1, 1],
  [4, 1, 1],
  [5, 1, 1],
  [10, 0, 1],
  [13, 1, 1],
  [16, 2, 0],
];

/**
 * Lists the check (function 8: 0 checksum, 1 CRC) and the communication security (function 9: AES, default key) as the peripheral really has
 * them, unless they are listed already; in the order of the function codes.
 */
function withOwn(capabilities: readonly Capability[], check: CheckPolicy, channel: SecureChannelOptions | null): readonly Capability[] {
  const own: readonly Capability[] = [
    [CHECK_CHARACTERS, check.startsWith('checksum') ? 0 : 1, 0],
    [COMMUNICATION_SECURITY, channel ? 1 : 0, channel && acceptsDefaultKey(channel) ? 1 : 0],
  ];
  const missing = own.filter(([code]) => !capabilities.some(([listed]) => listed === code));
  return [...capabilities, ...missing].sort(([a], [b]) => a - b);
}

const restOf = (capabilities: readonly Capability[], functionCode: number): number[] =>
  Array(capabilities.find(([code]) => code === functionCode)?.[2] ?? 0).fill(0);

/** Whether SCBK-D opens a channel: by explicit choice, else while there is no own key. */
export function acceptsDefaultKey(channel: SecureChannelOptions): boolean {
  return channel.acceptsDefaultKey ?? !channel.key;
}

/** Fills in the defaults. @throws Error for an address, vendor or key that no peripheral can have. */
export function settingsOf(options: PeripheralOptions, lineBaudRate: number): PeripheralSettings {
  const vendor = options.vendor ?? '5eca00';
  if (!Number.isInteger(options.address) || options.address < 0 || options.address > 126)
    throw new Error(`OSDP address ${options.address} is not 0…126`);
  if (!/^[0-9a-f]{6}$/i.test(vendor)) throw new Error(`vendor code "${vendor}" is not 6 hex digits`);
  const key = options.secureChannel?.key ?? null;
  if (key && key.length !== 16) throw new Error(`the key of peripheral ${options.address} is not 16 bytes`);
  const clientId = options.secureChannel?.clientId;
  if (clientId && clientId.length !== 8) throw new Error(`the client identifier of peripheral ${options.address} is not 8 bytes`);
  const check = options.check ?? 'as_asked';
  const capabilities = withOwn(options.capabilities ?? READER, check, options.secureChannel ?? null);
  return {
    address: options.address,
    vendor: Uint8Array.from(Buffer.from(vendor, 'hex')),
    model: options.model ?? 1,
    version: options.version ?? 2,
    serialNumber: options.serialNumber ?? 0x10_0000 + options.address,
    firmware: options.firmware ?? [2, 7, 19],
    capabilities,
    tampered: options.tampered ?? false,
    powerFault: options.powerFault ?? false,
    readerTampered: options.readerTampered ?? false,
    inputs: options.inputs ?? restOf(capabilities, INPUTS),
    outputs: options.outputs ?? restOf(capabilities, OUTPUTS),
    reportsChanges: options.reportsChanges ?? true,
    waitsForPoll: options.waitsForPoll ?? false,
    policesSequence: options.policesSequence ?? true,
    turnaround: options.turnaround ?? 3,
    check,
    mark: options.mark ?? false,
    baudRate: options.baudRate ?? lineBaudRate,
    secureChannel: options.secureChannel ? { ...options.secureChannel } : null,
    faults: { ...options.faults },
    bootMs: options.bootMs ?? 500,
    lamp: null,
    buzzer: null,
    restartsAfterSettings: options.restartsAfterSettings ?? false,
    busyForSettings: options.busyForSettings ?? 0,
  };
}
