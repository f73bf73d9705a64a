import type { Answers, Command, FailureCode, ProcessEvent } from './words.ts';

/** A command that the process did not carry out. */
export class ProcessFailure extends Error {
  readonly code: FailureCode;
  constructor(code: FailureCode, message: string) {
    super(message);
    this.name = 'ProcessFailure';
    this.code = code;
  }
}

type Answer<Name extends Command['do']> = Name extends keyof Answers ? Answers[Name] : null;

/** What an event is that is no answer. */
export type Told = Exclude<ProcessEvent, { kind: 'answer' | 'hello' | 'alive' }>;

/** A running process of the library. */
export interface ZigbeeProcess {
  readonly pid: number | null;
  /** Rejects with a ProcessFailure: what the process answered, `late` after `timeoutMs`, or `failed` when it ends. */
  request<C extends Command>(command: C, timeoutMs: number): Promise<Answer<C['do']>>;
  /** Asks it to end, and ends it after `graceMs`. `onExit` follows. */
  end(graceMs: number): void;
}

export interface ProcessHandlers {
  onEvent(event: Told): void;
  /** Once: it is gone, and its port is free. `detail`: what it left, for the log. */
  onExit(detail: string): void;
}

/** Starts processes of the library, as a port. */
export interface ZigbeeProcesses {
  spawn(handlers: ProcessHandlers): ZigbeeProcess;
}
