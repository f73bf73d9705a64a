import type { Catalogue } from '../model/catalogue.ts';
import type { HarnessEvent } from '../model/events.ts';
import type { ViewState } from '../model/state.ts';

/** The harness, as the page reaches it. */
export interface Harness {
  catalogue(): Promise<Catalogue>;
  /** Events for as long as the page is open; after a break all of it again. */
  follow(listener: {
    onBase(state: ViewState): void;
    onEvents(events: HarnessEvent[]): void;
    onWhole(): void;
    onLink(up: boolean): void;
  }): void;
  post(name: string, body: unknown): Promise<{ status: number; body: unknown }>;
  readonly recordingUrl: string;
}

/** `token`: from the page's own address. */
export function createHarness(token: string): Harness {
  const query = `?token=${encodeURIComponent(token)}`;
  const headers = { 'x-page-token': token };
  return {
    recordingUrl: `/recording${query}`,
    async catalogue() {
      const answer = await fetch('/catalogue', { headers });
      const body = (await answer.json()) as Catalogue & { message?: string };
      if (!answer.ok) throw new Error(body.message ?? `the harness answered ${answer.status}`);
      return body;
    },
    follow({ onBase, onEvents, onWhole, onLink }) {
      const source = new EventSource(`/events${query}`);
      source.addEventListener('base', ({ data }) => onBase(JSON.parse(data) as ViewState));
      source.addEventListener('lines', ({ data }) => onEvents(JSON.parse(data) as HarnessEvent[]));
      source.addEventListener('whole', onWhole);
      source.addEventListener('open', () => onLink(true));
      source.addEventListener('error', () => onLink(false));
    },
    async post(name, body) {
      const answer = await fetch(`/${name}`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: answer.status, body: await answer.json() };
    },
  };
}
