import { messageOf } from '../../../../agent/system/errors.ts';
import type { FaultInfo } from '../model/catalogue.ts';
import type { EventBody } from '../model/events.ts';
import type { Fault } from './fault.ts';

/** What a request to the panel came to. */
export type PanelAnswer = { ok: true } | { ok: false; status: 400 | 409 | 500; message: string };

/** The switches of the page, and what is on. */
export interface FaultPanel {
  readonly faults: readonly FaultInfo[];
  run(request: unknown): Promise<PanelAnswer>;
}

/** `targets`: the addresses that a fault may be about. Each fault is told before it is done: what follows from it comes after it. */
export function createFaultPanel(faults: readonly Fault[], targets: readonly number[], emit: (body: EventBody) => void): FaultPanel {
  const on = new Set<string>();
  const busy = new Set<string>();

  return {
    faults: faults.map(({ id, group, name, about, kind, target }) => ({ id, group, name, about, kind, target })),
    async run(request) {
      const { id, action, target = null } = (request ?? {}) as { id?: unknown; action?: unknown; target?: unknown };
      const fault = faults.find((each) => each.id === id);
      if (!fault) return { ok: false, status: 400, message: `id: must be one of ${faults.map((each) => each.id).join(', ')}` };
      if (action !== 'begin' && action !== 'end') return { ok: false, status: 400, message: 'action: must be begin or end' };
      if (fault.target && !targets.includes(target as number))
        return { ok: false, status: 400, message: `target: must be one of ${targets.join(', ')}` };
      const address = fault.target ? (target as number) : 0;
      const key = `${fault.id} ${address}`;
      if (action === 'end' && !on.has(key)) return { ok: false, status: 409, message: `${fault.name}: is not on` };
      if (action === 'begin' && on.has(key)) return { ok: false, status: 409, message: `${fault.name}: is on already` };
      if (busy.has(fault.id)) return { ok: false, status: 409, message: `${fault.name}: not done yet, wait a moment` };

      const title = action === 'begin' ? fault.begun(address) : (fault.ended?.(address) ?? '');
      busy.add(fault.id);
      if (fault.kind === 'switch' && action === 'begin') on.add(key);
      if (action === 'end') on.delete(key);
      emit({ kind: 'fault', id: fault.id, action, title, ...(fault.target && { target: address }) });
      try {
        await (action === 'begin' ? fault.begin(address) : fault.end?.(address));
        return { ok: true };
      } catch (error) {
        const message = messageOf(error);
        on.delete(key);
        emit({ kind: 'fault', id: fault.id, action: 'end', title: `not done: ${message}`, ...(fault.target && { target: address }) });
        return { ok: false, status: 500, message };
      } finally {
        busy.delete(fault.id);
      }
    },
  };
}
