import type { FaultInfo } from '../model/catalogue.ts';

/** A fault that the harness can make. */
export interface Fault extends FaultInfo {
  /** In the past tense, for the story. */
  begun(target: number): string;
  ended?(target: number): string;
  begin(target: number): Promise<void> | void;
  /** Only a switch has one. */
  end?(target: number): Promise<void> | void;
}
