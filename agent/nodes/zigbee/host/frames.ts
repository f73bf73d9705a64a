import type { Guard } from '../../../system/guard.ts';
import type { ProcessEvent } from '../process/words.ts';
import type { LibraryController, LibraryMessage } from './library.ts';

type Trace = Omit<ProcessEvent & { kind: 'trace' }, 'kind'>;

const MAX_TEXT = 200;
const numberOf = (value: unknown) => (typeof value === 'number' && value >= 0 ? value : 0);
const lengthOf = (value: unknown) => (Buffer.isBuffer(value) ? value.length : null);
const nameIn = (value: unknown, field: string) => String((value as Record<string, { name?: unknown }> | null)?.[field]?.name ?? '?');

/** What is sent to devices and what they say, by names and sizes: payloads may hold keys and codes. */
export function watchFrames(controller: LibraryController, guard: Guard, show: (trace: Trace) => void): void {
  const { adapter } = controller;
  if (!adapter) return;
  const { sendZclFrameToEndpoint: sendZcl, sendZdo } = adapter;
  const shown = (trace: Trace) => show({ ...trace, name: trace.name.slice(0, MAX_TEXT), text: trace.text.slice(0, MAX_TEXT) });
  if (sendZcl) {
    adapter.sendZclFrameToEndpoint = (...args) => {
      const [, address, endpoint, frame] = args;
      shown({
        sent: true,
        address: numberOf(address),
        name: `${nameIn(frame, 'cluster')} ${nameIn(frame, 'command')}`,
        bytes: null,
        text: `endpoint ${endpoint}`,
      });
      return sendZcl.apply(adapter, args);
    };
  }
  if (sendZdo) {
    adapter.sendZdo = (...args) => {
      const [, address, cluster, payload] = args;
      shown({
        sent: true,
        address: numberOf(address),
        name: `ZDO 0x${numberOf(cluster).toString(16).padStart(4, '0')}`,
        bytes: lengthOf(payload),
        text: '',
      });
      return sendZdo.apply(adapter, args);
    };
  }
  const onZdo = (cluster: number) =>
    shown({ sent: false, address: 0, name: `ZDO 0x${numberOf(cluster).toString(16).padStart(4, '0')}`, bytes: null, text: '' });
  const onMessage = ({ device, endpoint, cluster, type, data, linkquality }: LibraryMessage) => {
    const names = typeof data === 'object' && data !== null && !Buffer.isBuffer(data) ? Object.keys(data).slice(0, 8).join(' ') : '';
    const text = `endpoint ${endpoint.ID}, link ${linkquality}${names && `: ${names}`}`;
    shown({ sent: false, address: device.networkAddress, name: `${cluster} ${type}`, bytes: lengthOf(data), text });
  };
  adapter.on('zdoResponse', guard('library zdoResponse', onZdo));
  controller.on('message', guard('library frame', onMessage));
}
