import { join } from 'node:path';
import type { AgentConfig } from '../../../agent/config/config.ts';
import { loadConfig } from '../../../agent/config/load.ts';
import type { ConfigProblem } from '../../../agent/config/problems.ts';
import { HubError } from '../../../agent/system/errors.ts';
import { createPki } from '../../twins/pki/pki.ts';

/** What stands at a path: a text, bytes, or the error code that reading it gives. */
type Content = string | Buffer | { code: string };

export const FOLDER = '/etc/hub';
export const NOW = new Date('2026-06-01T12:00:00Z');
export const HUB_ID = '6f0d7bb2-0f3f-4a9e-8a80-3e5b4a3c9d11';
const VALIDITY = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2027-01-01T00:00:00Z') };

export const IDENTITY = {
  hubId: HUB_ID,
  serial: 'SN-1',
  model: 'HUB-1',
  vendorName: 'Example Locks',
  certificatePath: 'certificate.pem',
  privateKeyPath: 'key.pem',
};
export const AGENT = { cloud: { endpoint: 'iot.example.com', caPath: 'ca.pem' } };

const pki = await createPki();
export const pair = await pki.issueClient(HUB_ID, VALIDITY);
export const otherPair = await pki.issueClient('other', VALIDITY);
export const authority = pki.caCertificate;

export interface Rig {
  /** Files by name in `FOLDER`, or by absolute path; `null` removes one. */
  files?: Record<string, Content | null>;
  identity?: unknown;
  agent?: unknown;
  env?: Record<string, string>;
  now?: Date;
  clockSynchronized?: boolean | null;
  keyMode?: number;
  keyFileProblem?: (path: string) => Promise<{ message: string; remedy: string } | null>;
}

/** Loads a configuration from files in memory: a working one, changed by `rig`. */
export function load(rig: Rig = {}): Promise<AgentConfig> {
  const content: Record<string, Content | null> = {
    'identity.json': JSON.stringify(rig.identity ?? IDENTITY),
    'agent.json': JSON.stringify(rig.agent ?? AGENT),
    'certificate.pem': pair.certificate,
    'key.pem': pair.privateKey,
    'ca.pem': authority,
    ...rig.files,
  };
  const byPath = new Map(Object.entries(content).map(([name, value]) => [name.startsWith('/') ? name : join(FOLDER, name), value]));
  return loadConfig({
    identityPath: join(FOLDER, 'identity.json'),
    agentPath: join(FOLDER, 'agent.json'),
    files: {
      async read(path) {
        const found = byPath.get(path) ?? null;
        if (found !== null && typeof found === 'object' && 'code' in found) throw Object.assign(new Error('unreadable'), found);
        return found === null ? null : Buffer.from(found);
      },
    },
    env: rig.env ?? {},
    now: rig.now ?? NOW,
    ...(rig.clockSynchronized !== undefined && { clockSynchronized: rig.clockSynchronized }),
    ...(rig.keyFileProblem && { keyFileProblem: rig.keyFileProblem }),
    paths: { facts: async () => ({ kind: 'file', uid: 0, gid: 0, mode: rig.keyMode ?? 0o600, device: 0 }) },
  });
}

/** The problems of a configuration that must not load, and the error itself. */
export async function refusal(rig: Rig): Promise<{ problems: ConfigProblem[]; error: HubError; text: string }> {
  const error = await load(rig).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof HubError)) throw new Error(`expected a HubError, got ${String(error)}`);
  return { problems: [...error.details] as ConfigProblem[], error, text: error.message };
}
