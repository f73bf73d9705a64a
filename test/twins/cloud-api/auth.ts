import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { WallClock } from '../../../agent/system/clock.ts';
import type { ApiKey, Principal, TokenRequest } from './types.ts';

const TOKEN_LIFETIME_SECONDS = 3600;

/** Decides who asks. */
export interface Authenticator {
  /** The bearer's principal, else the API key's, else null: a valid credential beside an invalid one suffices. */
  authenticate(headers: IncomingHttpHeaders): Principal | null;
  issueToken(request: TokenRequest): string;
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

function decode(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** API keys and JSON Web Tokens (RFC 7519) with HS256 only; a token must have an `exp` that lies ahead. */
export function createAuthenticator(deps: { keys: readonly ApiKey[]; jwtSecret: string; wallClock: WallClock }): Authenticator {
  const { jwtSecret, wallClock } = deps;
  const keys = new Map(deps.keys.map((key) => [key.key, { orgId: key.orgId, super: key.super ?? false }]));
  const nowSeconds = () => wallClock.nowMs() / 1000;

  function sign(text: string): Buffer {
    return createHmac('sha256', jwtSecret).update(text).digest();
  }

  function verify(token: string): Principal | null {
    const [head, payload, signature, ...rest] = token.split('.');
    if (!head || !payload || !signature || rest.length > 0) return null;
    const expected = sign(`${head}.${payload}`);
    const given = Buffer.from(signature, 'base64url');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
    if (decode(head)?.alg !== 'HS256') return null;
    const claims = decode(payload);
    if (!claims || typeof claims.orgId !== 'string' || typeof claims.exp !== 'number') return null;
    if (claims.exp <= nowSeconds()) return null;
    return { orgId: claims.orgId, super: claims.super === true };
  }

  return {
    authenticate(headers) {
      const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
      const principal = bearer ? verify(bearer) : null;
      const key = headers['x-api-key'];
      return principal ?? (typeof key === 'string' ? (keys.get(key) ?? null) : null);
    },

    issueToken({ orgId, userId, super: isSuper = false, expiresInSeconds = TOKEN_LIFETIME_SECONDS }) {
      const iat = Math.floor(nowSeconds());
      const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: userId, orgId, super: isSuper, iat, exp: iat + expiresInSeconds })}`;
      return `${text}.${sign(text).toString('base64url')}`;
    },
  };
}
