import { DEVICE_STATE, isNetworkManagerError, type NetworkManager, POLKIT_ACTION, type WifiDevice } from './network-manager.ts';
import { WifiUnusableError } from './unusable.ts';

/** The Wi-Fi device to use. @throws WifiUnusableError with the reason and its remedy; NetworkManagerError */
export async function findDevice(manager: NetworkManager, interfaceName: string | null): Promise<WifiDevice> {
  const devices = await manager.wifiDevices();
  const device = interfaceName === null ? devices[0] : devices.find((each) => each.interfaceName === interfaceName);
  if (device) return device;
  if (devices.length === 0) {
    throw new WifiUnusableError(
      interfaceName === null ? 'no_device' : 'other_device',
      interfaceName,
      'NetworkManager knows no Wi-Fi device. Check that the adapter is plugged in and its driver and firmware are installed.',
    );
  }
  const known = devices.map((each) => each.interfaceName).join(', ');
  throw new WifiUnusableError(
    'other_device',
    interfaceName,
    `There is no Wi-Fi device ${interfaceName}. Set wifi.interface in agent.json to one that is there (${known}).`,
  );
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

/** Refuses a device that no network can be joined with. @throws WifiUnusableError; NetworkManagerError */
export async function checkUsable(manager: NetworkManager, device: WifiDevice): Promise<void> {
  const { interfaceName, state } = device;
  const missing = await missingPermissions(manager);
  if (missing.length > 0) {
    throw new WifiUnusableError(
      'not_allowed',
      interfaceName,
      `The agent is not allowed to ${missing.join(', ')}. Install the polkit rule 50-hub-agent.rules and polkitd.`,
    );
  }
  const radio = await manager.radio();
  if (!radio.hardwareEnabled)
    throw new WifiUnusableError(
      'radio_hardware',
      interfaceName,
      'The Wi-Fi radio is switched off in hardware (rfkill). Switch it on at the hub.',
    );
  if (!radio.softwareEnabled)
    throw new WifiUnusableError(
      'radio_software',
      interfaceName,
      'The Wi-Fi radio is switched off (rfkill). Run `rfkill unblock wifi` and `nmcli radio wifi on`.',
    );
  if (state <= DEVICE_STATE.unmanaged) {
    throw new WifiUnusableError(
      'unmanaged',
      interfaceName,
      `NetworkManager does not manage ${interfaceName}. Run \`nmcli device set ${interfaceName} managed yes\`.`,
    );
  }
  if (state <= DEVICE_STATE.unavailable) {
    throw new WifiUnusableError(
      'not_ready',
      interfaceName,
      `${interfaceName} is not ready. Check rfkill, and that wpa_supplicant is installed and running.`,
    );
  }
}
