import type { LaneFrame, LanePacket, ViewState } from '../../model/state.ts';

/** Something on a lane. */
export interface LaneItem {
  at: number;
  lane: 'mqtt' | 'osdp';
  up: boolean;
  /** What it is drawn as: a custom property of the style sheet. */
  colour: string;
  /** 0…1. */
  height: number;
  /** Drawn beside it where there is room. */
  label: string;
  title: string;
  text: string;
}

const PACKETS: Readonly<Record<string, string>> = {
  publish: '--lane-publish',
  puback: '--lane-ack',
  pingreq: '--lane-ping',
  pingresp: '--lane-ping',
  subscribe: '--lane-subscribe',
  suback: '--lane-subscribe',
  connect: '--lane-connect',
  connack: '--lane-connect',
  disconnect: '--lane-bad',
};

/** Which part of a topic tells packets of a hub apart. */
const labelOf = (topic: string): string => topic.replace(/^\$aws\/things\/[^/]+\//, '').replace(/^hubs\/[^/]+\//, '');

function ofPacket({ at, up, type, topic, bytes, text }: LanePacket): LaneItem {
  return {
    at,
    lane: 'mqtt',
    up,
    colour: PACKETS[type] ?? '--lane-ack',
    height: Math.min(1, Math.max(0.22, Math.log10(bytes) / 4)),
    label: type === 'publish' ? labelOf(topic) : type === 'puback' || type.startsWith('ping') ? '' : type,
    title: `${up ? 'hub → cloud' : 'cloud → hub'}: ${type}${topic ? ` ${topic}` : ''}, ${bytes} bytes`,
    text,
  };
}

function ofFrame({ at, up, address, name, text, sealed }: LaneFrame): LaneItem {
  const quiet = name === 'POLL' || name === 'ACK';
  const colour = name === 'NAK' ? '--lane-bad' : sealed ? '--lane-sealed' : quiet ? '--lane-poll' : '--lane-frame';
  return {
    at,
    lane: 'osdp',
    up,
    colour,
    height: quiet ? 0.4 : 0.8,
    label: quiet ? '' : `${address} ${name}`,
    title: `${up ? `peripheral ${address} → hub` : `hub → peripheral ${address}`}: ${name}${sealed ? ', through the secure channel' : ''}`,
    text,
  };
}

/** What lies in a window of time, oldest first, lane by lane. */
export function itemsIn({ packets, frames }: ViewState, fromMs: number, toMs: number): LaneItem[] {
  return [...within(packets, fromMs, toMs).map(ofPacket), ...within(frames, fromMs, toMs).map(ofFrame)];
}

/** The end of a list that is nearly in order: bundles of polls come a little late. */
function within<T extends { at: number }>(list: readonly T[], fromMs: number, toMs: number): T[] {
  const found: T[] = [];
  for (let index = list.length - 1; index >= 0; index -= 1) {
    const item = list[index]!;
    if (item.at < fromMs - LATE_MS) break;
    if (item.at >= fromMs && item.at <= toMs) found.push(item);
  }
  return found.reverse();
}

const LATE_MS = 2_000;
