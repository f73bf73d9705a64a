import { setTimeout as pause } from 'node:timers/promises';
import type { Secret } from '../../agent/system/secret.ts';
import { type ManifestRow, thingNameOf } from './manifest.ts';

/** The body of ProvisionHub (public API). */
export function provisionRequest(hub: ManifestRow): Record<string, string> {
  const { hubId, serial, model, vendorName } = hub;
  return { hubId, serial, model, thingName: thingNameOf(hub), vendorName };
}

const TIMEOUT_MS = 15_000;
/** A passing fault of the network or the API is over by then: 0.5 + 1 + 2 + 4 s. */
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;

/** Provisions a hub; one that is provisioned already is fine. @throws Error with the API's own words, never with the key. */
export async function provision(api: { url: string; key: Secret }, hub: ManifestRow): Promise<void> {
  const url = `${api.url.replace(/\/$/, '')}/hubs/${encodeURIComponent(hub.hubId)}/ProvisionHub`;
  for (let attempt = 1; ; attempt++) {
    const failure = await ask(url, api.key, hub);
    if (failure === null) return;
    if (!failure.passing || attempt === ATTEMPTS) throw new Error(failure.message);
    await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1));
  }
}

async function ask(url: string, key: Secret, hub: ManifestRow): Promise<{ message: string; passing: boolean } | null> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key.reveal() },
      body: JSON.stringify(provisionRequest(hub)),
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: 'error',
    });
    const text = (await response.text()).slice(0, 300);
    if (response.ok) return null;
    return { message: `ProvisionHub was answered ${response.status}: ${text}`, passing: response.status >= 500 || response.status === 429 };
  } catch (error) {
    const { cause, message } = error as Error & { cause?: Error };
    return { message: `ProvisionHub was not answered: ${cause?.message ?? message}`, passing: true };
  }
}
