import type { CallInfo } from './model/catalogue.ts';

/** Values that a form begins with, so that a click is enough. */
export interface CallDefaults {
  hubId: string;
  siteId: string;
  orgId: string;
  ssid: string;
}

/** What the page can call; the words and limits are the contract's (agent/contract/CONTRACT.md, "The public API", "Commands"). */
export function calls({ hubId, siteId, orgId, ssid }: CallDefaults): CallInfo[] {
  return [
    {
      call: 'SendHubCommand',
      command: 'get_nodes',
      about: 'Lists what is on the buses.',
      schema: {
        type: 'object',
        properties: {
          refresh: { type: 'boolean', title: 'refresh', description: 'Waits for a full scan that starts now.' },
          bus: { type: 'string', title: 'bus', description: 'One bus alone; empty: all.', examples: [''] },
        },
        required: [],
      },
    },
    {
      call: 'SendHubCommand',
      command: 'server_info',
      about: 'Tells about the hub itself: versions, memory, interfaces, connection.',
      schema: { type: 'object', properties: {}, required: [] },
    },
    {
      call: 'SendHubCommand',
      command: 'set_wifi_credentials',
      about: 'Moves the hub to another Wi-Fi. It returns by itself when the new one does not reach the cloud.',
      schema: {
        type: 'object',
        properties: {
          ssid: { type: 'string', title: 'ssid', description: '1 to 32 bytes of UTF-8.', examples: [ssid] },
          credentials: {
            type: 'string',
            title: 'credentials',
            description: '8 to 63 printable ASCII characters, or 64 hex digits; empty for an open network.',
            writeOnly: true,
          },
          hidden: { type: 'boolean', title: 'hidden', description: 'The network does not tell its name.' },
          security: { type: 'string', title: 'security', description: 'Empty: found from the scan.', enum: ['', 'wpa-psk', 'sae', 'open'] },
        },
        required: ['ssid'],
      },
    },
    {
      call: 'ProvisionHub',
      about: 'What the factory calls: makes the hub known to the platform.',
      schema: {
        type: 'object',
        properties: {
          serial: { type: 'string', title: 'serial', description: 'At most 256 characters.', examples: [`SN-${hubId.slice(0, 8)}`] },
          model: { type: 'string', title: 'model', description: 'At most 256 characters.', examples: ['HUB-1'] },
          vendorName: { type: 'string', title: 'vendorName', description: 'May be empty.', examples: ['Example Locks'] },
        },
        required: ['serial', 'model'],
      },
    },
    {
      call: 'ClaimHub',
      about: 'What the installer’s app calls: gives the hub to a site.',
      schema: {
        type: 'object',
        properties: {
          orgId: { type: 'string', title: 'orgId', description: 'Empty: that of the API key.', examples: [orgId] },
          siteId: { type: 'string', title: 'siteId', description: 'The site that it serves.', examples: [siteId] },
          userId: { type: 'string', title: 'userId', description: 'Who claims it.', examples: ['user-1'] },
        },
        required: ['siteId', 'userId'],
      },
    },
  ];
}
