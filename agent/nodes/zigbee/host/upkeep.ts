import type { MonotonicClock } from '../../../system/clock.ts';
import type { ProcessEvent } from '../process/words.ts';
import type { LibraryDevice, LibraryEndpoint } from './library.ts';
import { lacksReporting, setUpReporting } from './reporting.ts';

/** A device that fails is not asked at each of its messages: that would cost its battery. */
const AGAIN_MS = 10 * 60_000;

export interface UpkeepDeps {
  clock: MonotonicClock;
  coordinator(): LibraryEndpoint | null;
  tell(device: LibraryDevice): void;
  emit(event: ProcessEvent): void;
}

/** Completes what could not be completed while a device slept: when it is heard, it is awake. */
export interface Upkeep {
  /** Its interview has just succeeded. */
  interviewed(device: LibraryDevice): void;
  /** It has said something. */
  heard(device: LibraryDevice): void;
  /**
   * It joined an open network although the library knows it: it was reset without leaving, and has forgotten what was bound and set up in it. The
   * library compares nothing and interviews it no more.
   */
  joinedAgain(device: LibraryDevice): void;
}

export function createUpkeep({ clock, coordinator, tell, emit }: UpkeepDeps): Upkeep {
  /** When a device was last tried; busy while it is. */
  const tried = new Map<string, number>();
  const busy = new Set<string>();
  /** Devices that joined again while they were at work: what was done with them is void. */
  const again = new Set<string>();

  async function once(device: LibraryDevice, work: () => Promise<void>): Promise<void> {
    const { ieeeAddr } = device;
    if (busy.has(ieeeAddr)) return;
    busy.add(ieeeAddr);
    tried.set(ieeeAddr, clock.nowMs());
    // The library's words name the device and may quote what it sent.
    await work().catch(() => {});
    busy.delete(ieeeAddr);
    if (again.delete(ieeeAddr)) void once(device, () => interview(device, true));
  }

  async function report(device: LibraryDevice): Promise<void> {
    const endpoint = coordinator();
    if (!endpoint) return;
    emit({ kind: 'reporting', address: device.ieeeAddr, problem: await setUpReporting(device, endpoint, clock) });
  }

  async function interview(device: LibraryDevice, isAnew = false): Promise<void> {
    emit({ kind: 'interview', address: device.ieeeAddr, state: 'started' });
    const state = await device.interview(isAnew).then(
      () => 'done' as const,
      () => 'failed' as const,
    );
    emit({ kind: 'interview', address: device.ieeeAddr, state });
    tell(device);
    if (state === 'done') await report(device);
  }

  return {
    interviewed: (device) => void once(device, () => report(device)),
    heard(device) {
      if (clock.nowMs() - (tried.get(device.ieeeAddr) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return;
      const { interviewState: state } = device;
      if (state === 'PENDING' || state === 'FAILED') void once(device, () => interview(device));
      else if (state === 'SUCCESSFUL' && lacksReporting(device)) void once(device, () => report(device));
    },
    joinedAgain(device) {
      emit({ kind: 'interview', address: device.ieeeAddr, state: 'joined' });
      tell(device);
      if (busy.has(device.ieeeAddr)) again.add(device.ieeeAddr);
      else void once(device, () => interview(device, true));
    },
  };
}
