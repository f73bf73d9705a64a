import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Why a request is turned away. */
export interface Refusal {
  status: 401 | 403 | 421;
  message: string;
}

/** Of the page's own requests: another origin cannot set it without asking first, and is never answered. */
const TOKEN_HEADER = 'x-page-token';

/** Who may use the page: who has its address. */
export interface Access {
  /** Every request: it must name this server and no other. Another name that points at 127.0.0.1 (DNS rebinding) is refused. */
  foreign(request: IncomingMessage): Refusal | null;
  /** What is not public: the token, in the query or in a header. */
  stranger(request: IncomingMessage, url: URL): Refusal | null;
  /** What changes something: sent by this page, with the token in the header, as JSON. */
  forged(request: IncomingMessage): Refusal | null;
}

export function createAccess(token: string, port: () => number): Access {
  const hosts = () => [`127.0.0.1:${port()}`, `localhost:${port()}`];
  const origins = () => hosts().map((host) => `http://${host}`);
  const expected = Buffer.from(token);

  function isToken(given: unknown): boolean {
    if (typeof given !== 'string') return false;
    const bytes = Buffer.from(given);
    return bytes.length === expected.length && timingSafeEqual(bytes, expected);
  }

  const unknown: Refusal = { status: 401, message: 'The address needs the token that "npm run demo" printed with it (?token=…).' };

  return {
    foreign({ headers }) {
      if (!hosts().includes(headers.host ?? '')) return { status: 421, message: 'This server answers for 127.0.0.1 and localhost alone.' };
      const { origin, 'sec-fetch-site': site } = headers;
      if (origin !== undefined && !origins().includes(origin)) return { status: 403, message: 'Another page may not use this one.' };
      const ownOrDirect = site === undefined || site === 'same-origin' || site === 'none';
      // A link from elsewhere may open the page; it needs the token all the same.
      const opened = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
      return ownOrDirect || opened ? null : { status: 403, message: 'Another page may not use this one.' };
    },
    stranger({ headers }, url) {
      return isToken(headers[TOKEN_HEADER]) || isToken(url.searchParams.get('token')) ? null : unknown;
    },
    forged({ headers }) {
      if (!isToken(headers[TOKEN_HEADER])) return unknown;
      const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
      if (type !== 'application/json') return { status: 403, message: 'Content-Type must be application/json.' };
      return null;
    },
  };
}
