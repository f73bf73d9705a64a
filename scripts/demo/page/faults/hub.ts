import type { EventBody } from '../model/events.ts';
import type { Fault } from './fault.ts';

/** The agent's process, in the hands of the harness. */
export interface AgentHandle {
  readonly pid: number;
  kill(): Promise<void> | void;
  pause(): Promise<void> | void;
  resume(): Promise<void> | void;
}

/** What can happen to the agent's process. `agent`: the one that runs. */
export function hubFaults(agent: () => AgentHandle | null, emit: (body: EventBody) => void): Fault[] {
  const running = (): AgentHandle => {
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
      async begin() {
        const frozen = running();
        await frozen.pause();
        emit({ kind: 'agent', state: 'frozen', pid: frozen.pid });
      },
      async end() {
        const thawed = running();
        await thawed.resume();
        emit({ kind: 'agent', state: 'thawed', pid: thawed.pid });
      },
    },
  ];
}
