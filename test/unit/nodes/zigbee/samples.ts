import type { Backup } from '../../../../agent/nodes/zigbee/state/backup.ts';
import type { NetworkRecord } from '../../../../agent/nodes/zigbee/state/network-record.ts';
import type { NetworkParameters } from '../../../../agent/nodes/zigbee/state/parameters.ts';
import { Secret } from '../../../../agent/system/secret.ts';

/** A network of this hub, and another one. */
export const OURS: NetworkParameters = {
  panId: 0x1a62,
  extendedPanId: 'a1b2c3d4e5f60718',
  networkKey: new Secret('00112233445566778899aabbccddeeff'),
  channel: 15,
};
export const OTHER: NetworkParameters = {
  panId: 0x2b73,
  extendedPanId: '1111222233334444',
  networkKey: new Secret('ffeeddccbbaa99887766554433221100'),
  channel: 20,
};

export const STICK = '00124b0012345678';
export const PATH = '/dev/serial/by-id/usb-stick-1';
export const LOCK = '0x00158d0000000001';
export const SENSOR = '0x00158d0000000002';

export const record = (changes: Partial<NetworkRecord> = {}): NetworkRecord => ({
  ...OURS,
  stage: 'formed',
  adapter: 'zstack',
  coordinator: STICK,
  stick: PATH,
  devices: 2,
  savedAt: 1,
  ...changes,
});

export const backup = (network: NetworkParameters = OURS, changes: Partial<Backup> = {}): Backup => ({
  ...network,
  coordinator: STICK,
  channels: [network.channel],
  frameCounter: 1000,
  devices: [
    { address: LOCK, networkAddress: 1 },
    { address: SENSOR, networkAddress: 2 },
  ],
  ...changes,
});

/** A backup as the library writes it. */
export function backupFile({ panId, extendedPanId, networkKey, channel, coordinator, channels, frameCounter, devices }: Backup): string {
  return JSON.stringify(
    {
      metadata: { format: 'zigpy/open-coordinator-backup', version: 1, source: 'zigbee-herdsman', internal: { date: '', znpVersion: 1 } },
      stack_specific: { zstack: { tclk_seed: '00'.repeat(16) } },
      coordinator_ieee: coordinator,
      pan_id: panId.toString(16),
      extended_pan_id: extendedPanId,
      nwk_update_id: 0,
      security_level: 5,
      channel,
      channel_mask: channels,
      network_key: { key: networkKey.reveal(), sequence_number: 0, frame_counter: frameCounter },
      devices: devices.map(({ address, networkAddress }) => ({
        nwk_address: networkAddress === null ? null : networkAddress.toString(16),
        ieee_address: address.slice(2),
        is_child: true,
      })),
    },
    null,
    2,
  );
}

/** A line of the library's database. */
export const deviceLine = (address: string, id: number, changes: object = {}): string =>
  JSON.stringify({
    id,
    type: 'EndDevice',
    ieeeAddr: address,
    nwkAddr: id,
    epList: [1],
    endpoints: {
      1: { epId: 1, profId: 260, devId: 10, inClusterList: [0, 1, 257], outClusterList: [], clusters: {}, binds: [], meta: {} },
    },
    interviewCompleted: true,
    interviewState: 'SUCCESSFUL',
    meta: {},
    ...changes,
  });

export const coordinatorLine = (coordinator = STICK): string =>
  deviceLine(`0x${coordinator}`, 1, { type: 'Coordinator', nwkAddr: 0, endpoints: {}, epList: [] });

export const databaseFile = (...addresses: string[]): string =>
  [coordinatorLine(), ...addresses.map((address, index) => deviceLine(address, index + 2))].join('\n');
