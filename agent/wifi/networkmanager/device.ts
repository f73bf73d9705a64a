import { HubError } from '../../system/errors.ts';
import { DEVICE_STATE, isNetworkManagerError, type NetworkManager, POLKIT_ACTION, type WifiDevice } from './network-manager.ts';

/** The Wi-Fi device to use. @throws HubError `wifi_unavailable` with the reason and its remedy; NetworkManagerError */
export async function findDevice(manager: NetworkManager, interfaceName: string | null): Promise<WifiDevice> {
  const devices = await manager.wifiDevices();
  const device = interfaceName === null ? devices[0] : devices.find((each) => each.interfaceName === interfaceName);
  if (device) return device;
  if (devices.length === 0) {
    throw unavailable(
      'NetworkManager knows no Wi-Fi device. Check that the adapter is plugged in and its driver and firmware are installed.',
    );
  }
  const known = devices.map((each) => each.interfaceName).join(', ');
  throw unavailable(`There is no Wi-Fi device ${interfaceName}. Set wifi.interface in agent.json to one that is there (${known}).`);
}

/**
 * What a change needs and may not do. polkitd 122 now and then misses that a rule has ended, stands still for 15 s and then denies (seen in the
 * virtual hub): a denial and a silence are asked once more.
 */
async function missingPermissions(manager: NetworkManager): Promise<string[]> {
  const ask = async () => (await manager.missingPermissions()).filter((action) => action !== POLKIT_ACTION.scan);
  try {
    const missing = await ask();
    if (missing.length === 0) return missing;
  } catch (error) {
    if (!isNetworkManagerError(error, 'no_reply')) throw error;
  }
  return ask();
}

/** Refuses a device that no network can be joined with. @throws HubError `wifi_unavailable`; NetworkManagerError */
export async function checkUsable(manager: NetworkManager, device: WifiDevice): Promise<void> {
  const missing = await missingPermissions(manager);
  if (missing.length > 0) {
    throw unavailable(`The agent is not allowed to ${missing.join(', ')}. Install the polkit rule 50-hub-agent.rules and polkitd.`);
  }
  const radio = await manager.radio();
  if (!radio.hardwareEnabled) throw unavailable('The Wi-Fi radio is switched off in hardware (rfkill). Switch it on at the hub.');
  if (!radio.softwareEnabled)
    throw unavailable('The Wi-Fi radio is switched off (rfkill). Run `rfkill unblock wifi` and `nmcli radio wifi on`.');
  if (device.state <= DEVICE_STATE.unmanaged) {
    throw unavailable(
      `NetworkManager does not manage ${device.interfaceName}. Run \`nmcli device set ${device.interfaceName} managed yes\`.`,
    );
  }
  if (device.state <= DEVICE_STATE.unavailable) {
    throw unavailable(`${device.interfaceName} is not ready. Check rfkill, and that wpa_supplicant is installed and running.`);
  }
}

function unavailable(message: string): HubError {
  return new HubError('wifi_unavailable', message);
}
