import { describe, expect, test } from 'vitest';
import type { DownReason, GuardedOperation, WaitReason } from '../../../agent/contract/cloud.ts';
import type { BusFailure, SecurityReason } from '../../../agent/contract/node.ts';
import { CREDENTIAL_WEIGHTS, type CredentialReason } from '../../../agent/contract/tls.ts';
import type { WifiObstacle } from '../../../agent/contract/wifi.ts';
import { CATALOGUE, type FindingCode } from '../../../agent/health/catalogue.ts';
import { causeOf, DEPENDS_ON } from '../../../agent/health/causes.ts';
import type { ConfigFault } from '../../../agent/health/config.ts';
import type { Entry, HealthFinding } from '../../../agent/health/finding.ts';
import type { FileFault } from '../../../agent/system/file-faults.ts';

/** Parameters for each code, and for each word that a text depends on: a word without its row is a type error. */
type Samples = { readonly [Code in FindingCode]: readonly Parameters<(typeof CATALOGUE)[Code]['text']>[0][] };

const each = <Word extends string>(words: Readonly<Record<Word, true>>) => Object.keys(words) as Word[];
const DOWNS = each<DownReason>({
  network: true,
  tls: true,
  refused: true,
  taken_over: true,
  kicked: true,
  unauthorized: true,
  keepalive: true,
  closed: true,
  local: true,
});
const WAITS = each<WaitReason>({ clock_unsynced: true, spread: true, backoff: true });
const OPERATIONS = each<GuardedOperation>({
  presence_subscribe: true,
  presence_publish: true,
  deltas: true,
  executions: true,
  jobs: true,
  jobs_publish: true,
  result_publish: true,
  response_publish: true,
  shadow_read: true,
  shadow_update: true,
});
const BUS_FAILURES = each<BusFailure>({
  missing: true,
  locked: true,
  permission: true,
  unit: true,
  lost: true,
  stalled: true,
  failed: true,
  library: true,
  silent: true,
  reset: true,
  network: true,
  storage: true,
});
const SECURITY = each<SecurityReason>({
  wrong_key: true,
  key_type: true,
  no_key: true,
  refused: true,
  invalid: true,
  no_answer: true,
  no_own_key: true,
});
const PORT = { bus: 'rs485', path: '/dev/ttyUSB0', commands: 'sudo systemctl restart hub-agent' };
const DISK = { path: '/var/lib/hub-agent', availableBytes: 1e6, totalBytes: 8e9 };
const PROBLEM = { message: 'The agent is not allowed to scan. Install the rule.', device: 'wlan0' };
const ofWifi = (reason: WifiObstacle) => [
  { ...PROBLEM, reason },
  { ...PROBLEM, reason, device: null },
];
const DEVICE = { vendor: '5eca00', model: '1', serialNumber: '7' };

const WRITE_FAULT = { path: '/var/lib/hub-agent/claim.json', operation: 'writeAtomic', code: 'EROFS' } as const;
const CONFIG_FAULT = {
  file: '/etc/hub-agent/agent.json',
  field: 'cloud.caPath',
  message: 'the file does not exist',
  remedy: 'Create ca.pem, or correct the path.',
};
const credentials = Object.fromEntries(
  Object.keys(CREDENTIAL_WEIGHTS).map((reason) => [`credential_${reason}`, [{ ...CONFIG_FAULT, reason }]]),
) as { [Reason in CredentialReason as `credential_${Reason}`]: [ConfigFault] };
const STATE = '/var/lib/hub-agent';
const faulty = (code: string, operation: FileFault['operation'] = 'writeAtomic') => ({
  fault: { path: `${STATE}/claim.json`, operation, code },
  stateDirectory: STATE,
});
const KEY = { what: 'the private key', path: '/etc/hub-agent/private-key.pem' };
const PLACE = { path: STATE };
const TOPIC = { operation: 'iot:Subscribe', topic: 'hubs/7/presence' };
const ENDED = { activeState: 'failed', result: 'exit-code', exitStatus: 1, unitFileState: 'enabled' };
const HOST = { host: 'x-ats.iot.eu-central-1.amazonaws.com' };
const TO = { ...HOST, port: 8883 };

const SAMPLES: Samples = {
  ...credentials,
  config_invalid: [CONFIG_FAULT, { ...CONFIG_FAULT, field: '' }],
  certificate_unnamed: [{}],
  certificate_unreadable: [{ path: '/etc/hub-agent/certificate.pem', code: 'ENOENT', folder: '/etc/hub-agent' }],
  certificate_malformed: [{ path: '/etc/hub-agent/certificate.pem', message: 'it is not a certificate in PEM', remedy: 'Convert it.' }],
  certificate_expired: [{ until: '2027-01-01' }],
  certificate_not_yet_valid: [{ from: '2027-01-01' }],
  certificate_expires_soon: [{ days: 3, until: '2027-01-01' }],
  file_missing: [KEY],
  file_unreadable: [{ ...KEY, code: 'EIO' }],
  file_open: [{ ...KEY, mode: 0o100644 }],
  state_missing: [PLACE],
  state_unreadable: [{ ...PLACE, code: 'EIO' }],
  state_no_folder: [PLACE],
  state_owner: [{ ...PLACE, uid: 0 }],
  state_open: [{ ...PLACE, mode: 0o40755 }],
  state_unwritable: [{ ...PLACE, mode: 0o40500 }],
  socket_blocked: [{ path: '/run/hub-agent/control.sock' }],
  socket_mode: [{ path: '/run/hub-agent/control.sock', mode: 0o666, wanted: 0o660 }],
  state_fault_denied: [faulty('EACCES')],
  state_fault_no_space: [faulty('ENOSPC')],
  state_fault_read_only: [faulty('EROFS')],
  state_fault: [faulty('EIO', 'removeTorn')],
  hub_id_mismatch: [faulty('ID_MISMATCH', 'verify')],
  state_entry_owner: [{ ...PLACE, uid: 0, stateDirectory: STATE }],
  state_entry_kind: [true, false].map((isFolder) => ({ ...PLACE, isFolder })),
  state_damaged: [{ paths: [`${STATE}/damaged-1`] }],
  agent_forbidden: [{ message: 'the control socket may not be opened' }],
  agent_unreachable: [{ message: 'the control socket is unreachable' }],
  agent_unclear: [{ message: "hubctl does not understand the agent's answer" }],
  agent_hung: [{}],
  agent_busy: [{}],
  agent_socket_closed: [{}],
  systemd_silent: [{ pid: null }, { pid: 0 }, { pid: 7 }],
  service_absent: [{}],
  service_masked: [{ runtime: true }, { runtime: false }],
  service_starting: [{}],
  service_restarting: [{ restarts: 3 }],
  service_no_identity: [{}],
  service_stopped: [ENDED, { ...ENDED, result: 'success' }, { ...ENDED, result: 'signal', unitFileState: 'disabled' }],
  service_disabled: [{}],
  service_watchdog: [{ count: 0 }, { count: 2 }],
  service_restarted: [{ restarts: 2 }],
  service_history_unknown: [{}],
  journal_silent: [{}],
  agent_outdated: [{ running: '1.2.3', installed: '1.2.4' }],
  mqtt_session_silent: [{ message: 'the message was not acknowledged in time' }],
  mqtt_agent_idle: [{ step: 'the cloud takes the connection', cloud: { phase: 'waiting', waitReason: 'backoff', lastDown: null } }],
  topic_refused: [TOPIC],
  topic_unanswered: [TOPIC],
  files_failing: [{ faults: [WRITE_FAULT] }, { faults: [WRITE_FAULT, { ...WRITE_FAULT, operation: 'verify', code: 'ID_MISMATCH' }] }],
  dns_unknown_host: [HOST],
  dns_no_server: [HOST],
  dns_failed: [{ ...HOST, code: 'EAI_FAIL' }],
  route_missing: [{ what: 'x cannot be resolved' }],
  tcp_refused: [TO],
  tcp_timed_out: [
    { ...TO, fallbackPort: null },
    { ...TO, fallbackPort: 443 },
  ],
  tcp_unreachable: [TO],
  tcp_no_route: [{}],
  tcp_failed: [{ ...TO, code: 'EACCES' }],
  tls_files: [{ message: 'the certificate is no PEM', remedy: 'Copy it again.' }],
  tls_server_expired: [{}],
  tls_server_not_yet_valid: [{}],
  tls_server_untrusted: [{}],
  tls_server_other_name: [{}],
  tls_key_mismatch: [{}],
  tls_hub_rejected: [{}],
  tls_hub_expired: [{}],
  tls_hub_revoked: [{}],
  tls_timed_out: [HOST],
  tls_cut: [{}],
  tls_failed: [
    { ...TO, code: 'EPROTO' },
    { host: '2001:db8::1', port: 443, code: 'EPROTO' },
  ],
  mqtt_client_id: [{ reason: 0x85 }],
  mqtt_unauthorized: [{ reason: 0x87 }],
  mqtt_quota: [{ reason: 0x97 }],
  mqtt_rate: [{ reason: 0x9f }],
  mqtt_unavailable: [{ reason: 0x88 }],
  mqtt_refused: [{ reason: 0x80 }],
  mqtt_closed: [{}],
  mqtt_no_answer: [{}],
  mqtt_no_puback: [{ refused: true }, { refused: false }],
  cloud_waits_for_clock: [{ lastDown: null, waitReason: 'clock_unsynced' }],
  cloud_down: [
    { lastDown: null, waitReason: null },
    ...DOWNS.map((lastDown) => ({ lastDown, waitReason: null })),
    ...WAITS.map((waitReason) => ({ lastDown: null, waitReason })),
  ],
  shadow_unconfirmed: [
    null,
    'cloud_timeout' as const,
    'shadow_too_large' as const,
    'shadow_throttled' as const,
    'shadow_conflict' as const,
    'cloud_refused' as const,
  ].map((lastFailure) => ({ seconds: 12, lastFailure })),
  cloud_taken_over: [{ count: 1 }, { count: 2 }],
  cloud_was_taken_over: [{ at: 0 }],
  cloud_refuses: [...OPERATIONS.map((operation) => ({ operations: [operation] })), { operations: OPERATIONS }],
  cloud_reconnected: [{ seconds: 3, count: 1 }],
  bus_unavailable: [null, ...BUS_FAILURES].map((reason) => ({ bus: 'rs485', message: '/dev/ttyUSB0 is gone', reason })),
  bus_no_node: [{}],
  bus_unknown: [{ bus: 'rs485' }],
  bus_noise: [{ bus: 'rs485', baudRate: '9600' }],
  bus_no_answer: ['9600', 'auto'].map((baudRate) => ({ bus: 'rs485', baudRate })),
  release_on_trial: [{ sequence: 1_795_300_000 }],
  release_rolled_back: ['no_cloud', 'a_word_of_a_newer_updater'].map((reason) => ({ sequence: 1_795_300_000, reason })),
  release_refused: [{ sequence: 1_795_300_000, reason: 'wrong_model' }],
  release_unsigned: [{ sequence: 1_795_300_000, reason: 'bad_signature' }],
  release_no_space: [{ sequence: 1_795_300_000, reason: 'disk_full' }],
  port_missing: [PORT],
  port_no_device: [PORT],
  port_held: [{ ...PORT, holders: ['agetty (pid 7)'] }],
  port_closed: [PORT],
  port_unit: [PORT],
  nodes_silent: [
    { silent: 1, total: 8, bus: null },
    { silent: 2, total: 8, bus: 'attic' },
    { silent: 9, total: 9, bus: 'attic', addresses: ['1', '2', '3', '4', '5', '6', '7', '8', '9'] },
  ],
  node_garbled: [true, false].map((available) => ({ nodeId: 'rs485/0', address: '0', available })),
  node_address_clash: [{ nodeId: 'rs485/1', address: '1' }],
  node_flaps: [{ nodeId: 'rs485/11', losses: 3 }],
  node_security_lost: SECURITY.map((reason) => ({ nodeId: 'rs485/5', reason })),
  node_key_missing: [{ nodeId: 'rs485/7', bus: 'rs485', address: '7' }],
  node_unidentified: [true, false].map((hasCapabilities) => ({ nodeId: 'rs485/9', hasCapabilities })),
  node_power_fault: (['osdp', 'zigbee'] as const).flatMap((protocol) =>
    [true, false].map((available) => ({ nodeId: 'rs485/6', protocol, available })),
  ),
  nodes_default_key: [['8'], ['0', '8'], ['1', '2', '3', '4', '5', '6', '7', '8', '9']].map((addresses) => ({ bus: 'rs485', addresses })),
  node_replaced: [
    { nodeId: 'rs485/5', now: DEVICE, before: { ...DEVICE, serialNumber: '8' } },
    { nodeId: 'rs485/5', now: { vendor: null, model: null, serialNumber: null }, before: DEVICE },
  ],
  node_tamper: [{ nodeIds: ['rs485/5', 'rs485/6'] }],
  clock_unset: [{}],
  clock_before_build: [{ nowMs: 0 }],
  memory_low: [{ availableBytes: null }, { availableBytes: 1e6 }],
  memory_agent_high: [{ rssBytes: 185e6 }],
  disk_full: [DISK],
  disk_read_only: [DISK],
  disk_low: [DISK, { ...DISK, availableBytes: null }],
  agent_faults: [{ faults: [{ place: 'cloud message', count: 3 }] }],
  log_unwritable: ['EAGAIN', 'EPIPE', 'EIO'].map((failing) => ({ failing, droppedLines: 7 })),
  log_no_space: [{ failing: 'ENOSPC', droppedLines: 7 }],
  wifi_switched_off: ofWifi('switched_off'),
  wifi_not_running: ofWifi('not_running'),
  wifi_no_reply: ofWifi('no_reply'),
  wifi_not_allowed: ofWifi('not_allowed'),
  wifi_radio_hardware: ofWifi('radio_hardware'),
  wifi_radio_software: ofWifi('radio_software'),
  wifi_no_device: ofWifi('no_device'),
  wifi_other_device: ofWifi('other_device'),
  wifi_unmanaged: ofWifi('unmanaged'),
  wifi_not_ready: ofWifi('not_ready'),
  wifi_failed: ofWifi('failed'),
  wifi_no_rule: [{}],
  wifi_not_joined: [{ ssid: 'home', device: 'wlan0', byHand: false }],
  wifi_disconnected_by_hand: [{ ssid: 'home', device: 'wlan0', byHand: true }],
  log_lines_lost: [{ droppedLines: 7 }],
  zigbee_network_lost: [{ bus: 'zb', devices: 8 }],
  zigbee_not_kept: [{ bus: 'zb', reason: 'ENOSPC' }],
  zigbee_backup_old: [
    { bus: 'zb', hours: 50 },
    { bus: 'zb', hours: null },
  ],
  zigbee_backup_mended: [true, false].map((isFromCopy) => ({ bus: 'zb', isFromCopy })),
  zigbee_record_rebuilt: [{ bus: 'zb' }],
  zigbee_stick_was_blank: [{ bus: 'zb' }],
  zigbee_database_mended: [{ bus: 'zb', devices: 8, recovered: 3 }],
  zigbee_channel_ignored: [{ bus: 'zb', configured: 20, used: 15 }],
  zigbee_coordinator_reset: [{ bus: 'zb', count: 2 }],
  zigbee_unknown_devices: [{ bus: 'zb', addresses: ['0x00158d0000000001'] }],
  zigbee_wifi_channel: [{ bus: 'zb', channel: 11, silent: 2 }],
};

/** A remedy is either a sentence, or commands from its first word on. */
const PROGRAMS = /^(sudo|hubctl|timedatectl|df|ls|ps|systemctl|nmcli|rfkill|ip|cat|pgrep|openssl|aws|ping)(?=[ ;]|$)/;

describe.each(Object.entries(CATALOGUE) as [FindingCode, Entry<unknown>][])('%s', (code, entry) => {
  test.each(SAMPLES[code].map((params, index) => [index, params] as const))('sample %i is a sentence with a remedy', (_, params) => {
    const text = entry.text(params);
    expect(text).not.toMatch(/undefined|null|NaN|\[object|[.!?]$|^(?!NetworkManager|Wi-Fi)[A-Z]/);
    expect(text.length).toBeGreaterThan(8);
    const remedy = entry.remedy(params);
    expect(remedy).not.toMatch(/undefined|null|NaN|\[object/);
    expect(remedy.length).toBeGreaterThan(8);
    if (PROGRAMS.test(remedy)) {
      // Pasted into a shell as it is: no placeholder, no open quote, no sentence behind the last command.
      expect(remedy).not.toMatch(/<|>|…|\.$/);
      for (const quote of ['"', "'", '`']) expect(remedy.split(quote).length % 2, quote).toBe(1);
    } else expect(remedy).toMatch(/^[A-Z]/);
    expect(entry.next).toMatch(PROGRAMS);
  });
});

test('every reason of a lost connection has a sentence of its own', () => {
  const texts = SAMPLES.cloud_down.map((params) => CATALOGUE.cloud_down.text(params));
  expect(new Set(texts).size).toBe(texts.length);
});

test('a word that only a newer agent knows is shown as it is', () => {
  const strange = { lastDown: 'meteor' as DownReason, waitReason: 'tide' as WaitReason };
  expect(CATALOGUE.cloud_down.text(strange)).toBe('the hub is not connected to the cloud: meteor; it waits (tide)');
  expect(CATALOGUE.cloud_down.remedy(strange)).toBe('sudo hubctl doctor');
  const inherited = { lastDown: 'constructor' as DownReason, waitReason: null };
  expect(CATALOGUE.cloud_down.text(inherited)).toBe('the hub is not connected to the cloud: constructor');
});

describe('causes', () => {
  const finding = (code: FindingCode, subject: string | null): HealthFinding => ({
    code,
    subject,
    severity: 'fail',
    text: 'x',
    remedy: 'y',
    next: 'z',
    advice: false,
  });

  test('a cause explains what is ill in the same subject, or in any when it lies in the hub itself', () => {
    const bus = finding('bus_unavailable', 'rs485');
    const clock = finding('clock_unset', null);
    const all = [bus, clock];
    expect(causeOf(finding('nodes_silent', 'rs485'), all)).toBe(bus);
    expect(causeOf(finding('nodes_silent', 'attic'), all)).toBeNull();
    expect(causeOf(finding('nodes_silent', null), all)).toBeNull();
    expect(causeOf(finding('cloud_waits_for_clock', null), all)).toBe(clock);
    expect(causeOf(finding('cloud_down', null), all)).toBeNull();
    expect(causeOf(clock, all)).toBeNull();
  });

  test.each(['tls_server_expired', 'tls_server_not_yet_valid', 'certificate_not_yet_valid', 'credential_clock_unset'] as const)(
    'a wrong clock explains %s',
    (code) => {
      const clock = finding('clock_before_build', null);
      expect(causeOf(finding(code, null), [clock])).toBe(clock);
      expect(causeOf(finding(code, null), [finding('clock_unset', null)])).not.toBeNull();
    },
  );

  test('a certificate that has expired is explained by a clock that is behind, and not by one that is merely not set from the network', () => {
    expect(causeOf(finding('certificate_expired', null), [finding('clock_before_build', null)])).not.toBeNull();
    expect(causeOf(finding('certificate_expired', null), [finding('clock_unset', null)])).toBeNull();
  });

  test('no finding explains itself over others, so that a cause always stays', () => {
    const explains = (code: FindingCode, seen: readonly FindingCode[]): void => {
      expect(seen, [...seen, code].join(' ← ')).not.toContain(code);
      for (const cause of DEPENDS_ON[code] ?? []) explains(cause, [...seen, code]);
    };
    for (const code of Object.keys(CATALOGUE) as FindingCode[]) explains(code, []);
  });
});
