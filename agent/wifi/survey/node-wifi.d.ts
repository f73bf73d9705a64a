/** The part of node-wifi that the agent uses; the package has no types of its own. */
declare module 'node-wifi' {
  /** A row of `nmcli device wifi list`. Text fields are nmcli's words, escapes of the SSID included. */
  export interface NodeWifiNetwork {
    ssid: string;
    bssid: string;
    /** `Infra`, `Ad-Hoc`, `Mesh` or `N/A`. */
    mode: string;
    /** dBm, derived from a percentage; NaN when nmcli's line could not be read. */
    signal_level: number;
    /** Such as `WPA2`, `WPA1 WPA2`, `WPA3`, `WPA2 802.1X`, `WEP`, or empty. */
    security: string;
    /** Such as `pair_ccmp group_ccmp psk`, or `(none)`. */
    security_flags: { wpa: string; rsn: string };
  }

  interface NodeWifi {
    init(options: { iface: string | null; debug?: boolean }): void;
    scan(): Promise<NodeWifiNetwork[]>;
  }

  const nodeWifi: NodeWifi;
  export default nodeWifi;
}
