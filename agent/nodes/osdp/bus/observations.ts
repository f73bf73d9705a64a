import type { WallClock } from '../../../system/clock.ts';
import { NAK, REPLY } from '../codec/codes.ts';
import type { Outcome } from '../port/line.ts';
import type { PdState } from '../session/pd.ts';
import { type Asked, createLinkQuality, type LinkQuality } from './link-quality.ts';

/** What is known of a PD beside its session. Times are wall-clock milliseconds; null: never since the bus was made. */
export interface Observed {
  /** When it answered for the first and for the last time, as far as the answers are believed. */
  seen: { firstMs: number; lastMs: number } | null;
  /** 0 to 255; null: not known. */
  linkQuality: number | null;
  /** When a card was read. */
  cardMs: number | null;
}

/** Watches the sessions of a bus. */
export interface Observations {
  /** A question to a PD came to its end. `before`: its session when it was asked. */
  asked(before: PdState, outcome: Outcome): void;
  /** A session went from one state to the next. */
  stepped(before: PdState, after: PdState): void;
  of(address: number): Observed;
  /** Noise comes back from it as often as an answer. */
  isNoisy(address: number): boolean;
  forget(address: number): void;
}

const NOTHING: Observed = { seen: null, linkQuality: null, cardMs: null };

/** By NAK 1 a PD says that the question came spoilt. */
function whatCame(outcome: Exclude<Outcome, { kind: 'down' }>): Asked {
  if (outcome.kind === 'silent') return outcome.heard === 'noise' ? 'noise' : 'nothing';
  return outcome.frame.code === REPLY.nak && outcome.frame.data[0] === NAK.check ? 'nothing' : 'answered';
}

/** Holds one entry for each PD that answered. */
export function createObservations(wallClock: WallClock): Observations {
  const known = new Map<number, Observed>();
  const links = new Map<number, LinkQuality>();
  const of = (address: number) => known.get(address) ?? NOTHING;

  return {
    asked({ address, facts, check }, outcome) {
      // Who is not there is no bad link, and one that is asked in a way that it never understood neither.
      if (outcome.kind === 'down' || !facts.available || !check.proven) return;
      const link = links.get(address) ?? createLinkQuality();
      links.set(address, link);
      link.asked(whatCame(outcome));
    },

    stepped(before, after) {
      const { address, told } = after;
      const isHeard = after.lastReplyMs !== before.lastReplyMs;
      if (!isHeard && told.cards === before.told.cards) return;
      const nowMs = wallClock.nowMs();
      const last = of(address);
      const newCard = told.cards > before.told.cards;
      known.set(address, {
        ...last,
        seen: isHeard ? { firstMs: last.seen?.firstMs ?? nowMs, lastMs: nowMs } : last.seen,
        cardMs: newCard ? nowMs : told.cards === 0 ? null : last.cardMs,
      });
    },

    of: (address) => ({ ...of(address), linkQuality: links.get(address)?.value() ?? null }),

    isNoisy: (address) => links.get(address)?.isNoisy() ?? false,

    forget(address) {
      known.delete(address);
      links.delete(address);
    },
  };
}
