import type { ShadowView } from '../../contract/shadow.ts';

/** Reads the shadow for several readers with few requests, and never shows them a picture that an update of ours has overtaken. */
export interface ShadowReader {
  /** Resolves with a view that is at least as new as anything that was heard of when it was called. */
  read(): Promise<ShadowView>;
  /** A delta named this version. */
  heard(version: number): void;
  /** An update of ours was accepted with this version. */
  wrote(version: number): void;
  /** The link ended: what is under way on it counts no more. */
  reset(): void;
}

export interface ShadowReaderDeps {
  /** One request over the link of now; rejects when that ends before the answer. */
  request(): Promise<ShadowView>;
  /** Called for each view, before anything else can happen. */
  onView(view: ShadowView): void;
}

/** A request and the newest version that was known when it was sent. */
interface Reading {
  asked: number;
  answer: Promise<ShadowView>;
}

export function createShadowReader({ request, onView }: ShadowReaderDeps): ShadowReader {
  let newest = 0;
  let written = 0;
  let reading: Reading | null = null;
  let next: Promise<ShadowView> | null = null;

  async function answered(asked: number): Promise<ShadowView> {
    for (let since = asked; ; since = newest) {
      const view = await request();
      // Older than what was known when we asked: the shadow was deleted and made anew, its versions begin again.
      if (view.version < since) {
        newest = view.version;
        written = view.version;
      }
      // Reads and updates overtake each other. A picture from before our own update would look as if it was not done.
      if (view.version < written) continue;
      newest = Math.max(newest, view.version);
      onView(view);
      return view;
    }
  }

  function begin(): Promise<ShadowView> {
    const asked = newest;
    const mine: Reading = {
      asked,
      answer: answered(asked).finally(() => {
        if (reading === mine) reading = null;
      }),
    };
    reading = mine;
    return mine.answer;
  }

  function read(): Promise<ShadowView> {
    if (!reading) return begin();
    if (reading.asked === newest) return reading.answer;
    if (next) return next;
    // Something newer is known than when it was asked for: its answer may be too old for this reader.
    const mine = reading.answer
      .catch(() => {})
      .then(() => {
        if (next === mine) next = null;
        return read();
      });
    next = mine;
    return mine;
  }

  return {
    read,
    heard(version) {
      newest = Math.max(newest, version);
    },
    wrote(version) {
      newest = Math.max(newest, version);
      written = Math.max(written, version);
    },
    reset() {
      reading = null;
      next = null;
      // The next link hears anew: meanwhile the shadow may have been deleted, and count from the beginning.
      newest = 0;
      written = 0;
    },
  };
}
