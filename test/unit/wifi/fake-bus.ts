import { type BusCall, BusError, type BusSignal, type MessageBus } from '../../../agent/wifi/networkmanager/message-bus.ts';

/** A message bus that records what is asked and answers from a table. */
export interface FakeBus extends MessageBus {
  calls: BusCall[];
  rules: string[];
  emit(signal: Partial<BusSignal>): void;
  lose(): void;
}

/**
 * `answers`: by member, or `path member`, or for properties `Interface.Property` (the interface's last word): the reply's body, or an error.
 * What is not in the table does not exist.
 */
export function createFakeBus(answers: Record<string, unknown[] | BusError>): FakeBus {
  const calls: BusCall[] = [];
  const listeners = new Map<string, (signal: BusSignal) => void>();
  const lost = new Set<() => void>();

  function keysOf({ path, member, body }: BusCall): string[] {
    const last = (name: unknown) => String(name).split('.').at(-1);
    if (member === 'Get') return [`${path} ${last(body[0])}.${body[1]}`, `${last(body[0])}.${body[1]}`];
    if (member === 'GetAll') return [`${path} ${last(body[0])}.*`, `${last(body[0])}.*`];
    return [`${path} ${member}`, member];
  }

  return {
    calls,
    rules: [],
    async call(call) {
      calls.push(call);
      const key = keysOf(call).find((each) => each in answers);
      const answer = key === undefined ? new BusError('org.freedesktop.DBus.Error.UnknownMethod') : answers[key]!;
      if (answer instanceof BusError) throw answer;
      return answer;
    },
    async subscribe(rule, listener) {
      this.rules.push(rule);
      listeners.set(rule, listener);
      return () => void listeners.delete(rule);
    },
    onLost(listener) {
      lost.add(listener);
      return () => lost.delete(listener);
    },
    emit(signal) {
      const whole = { sender: ':1.1', path: '', interface: '', member: '', body: [], ...signal };
      for (const [rule, listener] of listeners) {
        if (rule.includes(`member='${whole.member}'`) && rule.includes(`interface='${whole.interface}'`)) listener(whole);
      }
    },
    lose() {
      for (const listener of [...lost]) listener();
    },
    close() {},
  };
}
