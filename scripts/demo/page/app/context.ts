import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Catalogue } from '../model/catalogue.ts';
import type { Harness } from './server.ts';
import type { Store } from './store.ts';

/** What every part of the page works with. */
export interface Page {
  store: Store;
  harness: Harness;
  catalogue: Catalogue;
  /** A colour of the style sheet, for a canvas. */
  colourOf(name: string): string;
  /** Says something to a screen reader, politely, and shows it for a moment. */
  say(text: string): void;
}

const PageContext = createContext<Page | null>(null);

export const PageProvider = PageContext.Provider;

export function usePage(): Page {
  const page = useContext(PageContext);
  if (!page) throw new Error('a part of the page stands outside of it');
  return page;
}
