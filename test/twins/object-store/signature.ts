import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** `AWS IoT Jobs` gives presigned URLs an hour unless the job says otherwise. */
const DEFAULT_EXPIRES_SECONDS = 3_600;
const ALGORITHM = 'AWS4-HMAC-SHA256';

export interface Signer {
  sign(method: string, path: string, expiresSeconds?: number): string;
  /** Why the query does not open the path for the method, as S3 says it; null: it does. */
  refusal(method: string, url: URL): { code: string; message: string } | null;
}

/** `YYYYMMDDTHHMMSSZ`, the form of X-Amz-Date. */
const amzDate = (ms: number) => new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');

const dateMs = (text: string) => Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

/**
 * Signs the query of a URL with the parameters of Signature Version 4 ("Authenticating Requests: Using Query Parameters"). The signature covers the
 * method, the path and every other parameter; how it is computed is the store's own affair, because no client computes it.
 */
export function createSigner(nowMs: () => number): Signer {
  const key = randomBytes(32);

  function signature(method: string, path: string, parameters: URLSearchParams): string {
    const covered = [...parameters].filter(([name]) => name !== 'X-Amz-Signature').sort(([a], [b]) => (a < b ? -1 : 1));
    return createHmac('sha256', key)
      .update(`${method}\n${path}\n${new URLSearchParams(covered)}`)
      .digest('hex');
  }

  return {
    sign(method, path, expiresSeconds = DEFAULT_EXPIRES_SECONDS) {
      const parameters = new URLSearchParams({
        'X-Amz-Algorithm': ALGORITHM,
        'X-Amz-Credential': 'AKIATWIN/20261101/eu-central-1/s3/aws4_request',
        'X-Amz-Date': amzDate(nowMs()),
        'X-Amz-Expires': String(expiresSeconds),
        'X-Amz-SignedHeaders': 'host',
      });
      parameters.set('X-Amz-Signature', signature(method, path, parameters));
      return `${path}?${parameters}`;
    },

    refusal(method, { pathname, searchParams }) {
      const given = searchParams.get('X-Amz-Signature');
      if (given === null) return { code: 'AccessDenied', message: 'Access Denied' };
      const right = Buffer.from(signature(method, pathname, searchParams));
      const is = Buffer.from(given);
      if (is.length !== right.length || !timingSafeEqual(is, right))
        return { code: 'SignatureDoesNotMatch', message: 'The request signature we calculated does not match the signature you provided.' };
      const end = dateMs(searchParams.get('X-Amz-Date')!) + Number(searchParams.get('X-Amz-Expires')) * 1000;
      return nowMs() < end ? null : { code: 'AccessDenied', message: 'Request has expired' };
    },
  };
}
