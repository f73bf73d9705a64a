import type { Cloud } from '../cloud/cloud.ts';
import type { AlarmKind, Alarms } from '../contract/alarm.ts';
import type { NodeChange, NodeEvent } from '../nodes/changes.ts';

/** The changes of a node that raise an alarm, and those that end it. */
const NODE_ALARMS: Partial<Record<NodeChange, readonly ['raise' | 'clear', ...AlarmKind[]]>> = {
  node_tamper: ['raise', 'tamper'],
  node_tamper_cleared: ['clear', 'tamper'],
  node_security_lost: ['raise', 'security_lost'],
  node_security_restored: ['clear', 'security_lost'],
  node_replaced: ['raise', 'device_replaced'],
  node_replacement_over: ['clear', 'device_replaced'],
  node_forgotten: ['clear', 'tamper', 'security_lost', 'device_replaced'],
  node_left: ['clear', 'tamper', 'security_lost', 'device_replaced'],
};

/** Follows the node table: the alarms of a change, then the report of its summary. */
export function nodeReport(alarms: Alarms, report: () => void): (event: NodeEvent) => void {
  return (event) => {
    if ('node' in event) {
      const [action, ...kinds] = NODE_ALARMS[event.event] ?? [];
      for (const kind of kinds) if (action) alarms[action](kind, event.node.nodeId);
    }
    report();
  };
}

/** Follows the end of the certificate, which the reported state shows while it is near. */
export function certificateReport(alarms: Alarms, report: Cloud['report']): (certificate: { expiresAt: string } | undefined) => void {
  return (certificate) => {
    alarms[certificate ? 'raise' : 'clear']('certificate_expires', null);
    report({ certificate });
  };
}
