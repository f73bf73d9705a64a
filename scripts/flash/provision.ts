import { setTimeout as pauseFor } from 'node:timers/promises';
import type { Secret } from '../../agent/system/secret.ts';
import { withoutKey } from './api-key.ts';
import { type ManifestRow, thingNameOf } from './manifest.ts';
import { HubRefused } from './problems.ts';

/** The body of ProvisionHub (public API). */
export function provisionRequest(hub: ManifestRow): Record<string, string> {
  const { hubId, serial, model, vendorName } = hub;
  return { hubId, serial, model, thingName: thingNameOf(hub), vendorName };
}

/** The cloud API, as far as a flashing station needs it. */
export interface Api {
  /**
   * Provisions a hub; one that is provisioned already is fine.
   * @throws HubRefused when the API does not take this hub, Error when it takes none. The text has the API's own words, never the key.
   */
  provision(hub: ManifestRow): Promise<void>;
}

export interface ApiDeps {
  /** Of the API, checked (`--provision`). */
  url: string;
  key: Secret;
  /** Ends the pauses between attempts; the request at hand is finished. */
  signal: AbortSignal;
  fetch?: typeof fetch;
  pause?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>;
}

const TIMEOUT_MS = 15_000;
/** A passing fault of the network or the API is over by then: 0.5 + 1 + 2 + 4 s. */
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;
/** Of the API's words; the rest is seldom for people. */
const MAX_WORDS = 300;

/** `hub`: only this one is refused; `all`: every other one would be too; `passing`: another attempt may do. */
interface Failure {
  kind: 'hub' | 'all' | 'passing';
  message: string;
}

const PASSING_STATUS = [408, 429];
const SERVER_FAULT = 500;
/** A key that is not taken, or an address where nothing is, is so for every hub. */
const STATION_STATUS = [401, 403, 404];
const REMEDIES: Readonly<Record<number, string>> = {
  400: 'Make its Thing in AWS IoT first (scripts/aws/README.md), check the row, and run again.',
  401: 'Check the key in --api-key-file.',
  403: 'Check the key in --api-key-file and what it may do.',
  404: 'Check the address in --provision: it ends before /hubs.',
  409: 'Its hubId, serial or Thing belongs to another hub in the cloud: correct the row, or remove the other one.',
};
/** What node and undici call faults of the network; a fault of TLS (ERR_TLS_…, CERT_…) stays. */
const NETWORK_CODE = /^(?:E(?!RR_)[A-Z_0-9]+|UND_ERR_(?!INVALID|NOT_SUPPORTED)\w+)$/;

function answered(status: number, words: string): Failure {
  const message = `ProvisionHub was answered ${status}: ${words.slice(0, MAX_WORDS).replace(/\.$/, '')}.`;
  if (status >= SERVER_FAULT || PASSING_STATUS.includes(status)) return { kind: 'passing', message: `${message} Run again later.` };
  const remedy = REMEDIES[status] ?? 'Correct what it names, and run again.';
  return { kind: STATION_STATUS.includes(status) ? 'all' : 'hub', message: `${message} ${remedy}` };
}

function unanswered(error: unknown, key: Secret): Failure {
  const { cause, message, name } = error as Error & { cause?: Error & { code?: string } };
  const words = withoutKey(cause?.message || cause?.code || message, key).slice(0, MAX_WORDS);
  const said = `ProvisionHub was not answered: ${words.replace(/\.$/, '')}.`;
  if (name === 'TimeoutError' || NETWORK_CODE.test(cause?.code ?? '')) {
    return { kind: 'passing', message: `${said} Check the network and the address in --provision, and run again.` };
  }
  return { kind: 'all', message: `${said} Check the address in --provision, its certificate, and that it does not redirect.` };
}

/** Opens nothing. */
export function createApi({ url, key, signal, fetch: send = fetch, pause = defaultPause }: ApiDeps): Api {
  async function ask(hub: ManifestRow): Promise<Failure | null> {
    try {
      const response = await send(`${url.replace(/\/+$/, '')}/hubs/${encodeURIComponent(hub.hubId)}/ProvisionHub`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': key.reveal() },
        body: JSON.stringify(provisionRequest(hub)),
        signal: AbortSignal.timeout(TIMEOUT_MS),
        redirect: 'error',
      });
      const words = withoutKey(await response.text(), key);
      return response.ok ? null : answered(response.status, words);
    } catch (error) {
      return unanswered(error, key);
    }
  }

  return {
    async provision(hub) {
      for (let attempt = 1; ; attempt++) {
        const failure = await ask(hub);
        if (failure === null) return;
        if (failure.kind === 'hub') throw new HubRefused(failure.message);
        if (failure.kind === 'all' || attempt === ATTEMPTS || signal.aborted) throw new Error(failure.message);
        await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1), signal).catch(() => {});
        if (signal.aborted) throw new Error(failure.message);
      }
    },
  };
}

function defaultPause(milliseconds: number, signal: AbortSignal): Promise<unknown> {
  return pauseFor(milliseconds, undefined, { signal });
}
