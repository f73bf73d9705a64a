import type { Wifi, WifiCredentials } from '../../contract/wifi.ts';
import { parseWifiArgs } from '../../contract/wifi-args.ts';
import type { CommandHandler } from './handler.ts';

/** `set_wifi_credentials`: moves the hub to another network, or leaves it on one that works. */
export function createSetWifiCredentials(deps: { wifi: Wifi; timeoutMs: number }): CommandHandler<WifiCredentials> {
  return {
    name: 'set_wifi_credentials',
    resource: 'wifi',
    repeatable: false,
    timeoutMs: deps.timeoutMs,
    parse: parseWifiArgs,
    run: async (credentials, signal) => ({ ...(await deps.wifi.change(credentials, signal)) }),
    async afterCut(signal) {
      const result = await deps.wifi.cutChange(signal);
      return result && { ...result };
    },
  };
}
