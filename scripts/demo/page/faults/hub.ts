import type { AgentProcess } from '../../../../test/hil/rig/agent-process.ts';
import type { EventBody } from '../model/events.ts';
import type { Fault } from './fault.ts';

/** What can happen to the agent's process. `agent`: the one that runs. */
export function hubFaults(agent: () => AgentProcess | null, emit: (body: EventBody) => void): Fault[] {
  const running = (): AgentProcess => {
    const found = agent();
    if (!found) throw new Error('no agent runs; it is started again in a moment');
    return found;
  };
  return [
    {
      id: 'kill',
      group: 'Hub',
      name: 'Kill the agent',
      about: 'SIGKILL, as the kernel does when memory runs out. The will says offline at once; systemd starts the agent again.',
      kind: 'act',
      target: false,
      begun: () => 'Agent killed',
      begin: () => running().kill(),
    },
    {
      id: 'freeze',
      group: 'Hub',
      name: 'Freeze the agent',
      about: 'SIGSTOP: it stands still with its connection open. The cloud finds out by the keepalive, after 45 seconds.',
      kind: 'switch',
      target: false,
      begun: () => 'Agent frozen',
      ended: () => 'agent goes on',
      begin() {
        const frozen = running();
        frozen.pause();
        emit({ kind: 'agent', state: 'frozen', pid: frozen.pid });
      },
      end() {
        const thawed = running();
        thawed.resume();
        emit({ kind: 'agent', state: 'thawed', pid: thawed.pid });
      },
    },
  ];
}
