import type { HarnessEvent, ShadowEvent } from './events.ts';
import { differences } from './leaves.ts';
import type { ViewState } from './state.ts';

/** Hub, shadow and nodes. */
export function onHubEvent(state: ViewState, event: HarnessEvent): void {
  const { hub } = state;
  switch (event.kind) {
    case 'start':
      Object.assign(hub, { hubId: event.hubId, api: event.api, iotCore: event.iotCore, osdp: event.osdp ?? true });
      break;
    case 'agent':
      hub.agent = { state: event.state, pid: event.pid, since: event.at };
      if (event.state === 'ended') hub.vitals = null;
      break;
    case 'broker':
      if (event.hub && event.what === 'connected') hub.connected = true;
      if ((event.hub && event.what === 'disconnected') || event.what === 'stopped') hub.connected = false;
      break;
    case 'presence':
      hub.presence = { state: event.state, session: event.session, at: event.at };
      break;
    case 'shadow':
      onShadow(state, event, event.at);
      break;
    case 'nodes':
      state.nodes = event.nodes;
      break;
    case 'vitals': {
      const { kind: _, at: _at, ...vitals } = event;
      hub.vitals = vitals;
      break;
    }
    case 'wifi':
      hub.wifi = event.network;
      break;
    default:
  }
}

function onShadow({ shadow }: ViewState, { version, desired, reported }: ShadowEvent, at: number): void {
  const changed: Record<string, number> = {};
  const before = { desired: shadow.desired, reported: shadow.reported };
  const now = { desired, reported };
  const paths = new Set(differences(before, now));
  // What is gone is remembered until it comes back or the next change of the whole: the path shows that something was taken away.
  for (const path of paths) changed[path] = at;
  for (const [path, when] of Object.entries(shadow.changed)) if (!paths.has(path) && at - when < FORGET_MS) changed[path] = when;
  Object.assign(shadow, { version, desired, reported, changed });
}

/** A change is of interest for so long. */
const FORGET_MS = 600_000;
