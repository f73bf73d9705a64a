import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrokerMessage } from '../../twins/iot-core/types.ts';
import type { AgentProcess } from './agent-process.ts';
import type { Rig } from './rig.ts';

/** Where the cloud itself repeats what it wrote into `desired`, until the hub has cleared it. */
const ECHOES = /^\$aws\/things\/[^/]+\/shadow\/(update\/(accepted|delta|documents)|get\/accepted)$/;
/** A change starts short-lived processes; this often their arguments and environment are looked at, besides at every log line and message. */
const SAMPLE_MS = 25;

/** Looks for secrets in everything that a run leaves or shows. */
export interface LeakHunt {
  /** Also watches this process and its children. */
  follow(agent: AgentProcess): void;
  /** From here on the secret may not even be in the cloud's own echoes. */
  taken(secret: string): void;
  /** Where the secrets were seen, with the agents' output, the rig's files, and the shadow as they are now; empty is good. */
  findings(): string[];
  /** How often processes were looked at: a hunt that saw none proves nothing. */
  readonly samples: number;
  stop(): void;
}

export function createLeakHunt(rig: Rig, secrets: readonly string[]): LeakHunt {
  const agents: AgentProcess[] = [];
  const found = new Set<string>();
  const taken = new Set<string>();
  let samples = 0;

  /** As it is, as JSON escapes it, and in the usual encodings. */
  const forms = secrets.map((secret) => {
    const bytes = Buffer.from(secret);
    // The end of a base64 text depends on what follows the secret.
    const base64 = bytes.toString('base64').replace(/=+$/, '').slice(0, -1);
    return { secret, needles: [secret, JSON.stringify(secret).slice(1, -1), base64, bytes.toString('hex'), encodeURIComponent(secret)] };
  });

  const present = (text: string) =>
    forms.filter(({ needles }) => needles.some((needle) => text.includes(needle))).map(({ secret }) => secret);

  function look(where: string, text: string): void {
    for (const secret of present(text)) found.add(`${where}: the secret ${secrets.indexOf(secret)}`);
  }

  function onMessage({ topic, payload, clientId }: BrokerMessage): void {
    for (const secret of present(`${topic} ${payload.toString('utf8')}`)) {
      if (clientId === null && ECHOES.test(topic) && !taken.has(secret)) continue;
      found.add(`${topic} of ${clientId ?? 'the cloud'}: the secret ${secrets.indexOf(secret)}`);
    }
    sample();
  }

  function sample(): void {
    for (const agent of agents) {
      for (const pid of withChildren(agent.pid)) {
        for (const name of ['cmdline', 'environ']) look(`/proc/${pid}/${name}`, readOrEmpty(`/proc/${pid}/${name}`));
        samples += 1;
      }
    }
  }

  const unsubscribe = rig.onMessage(onMessage);
  const timer = setInterval(sample, SAMPLE_MS);

  return {
    follow(agent) {
      agents.push(agent);
      agent.onLine(sample);
    },
    taken: (secret) => void taken.add(secret),
    findings() {
      for (const [index, agent] of agents.entries()) look(`the output of agent ${index}`, agent.output());
      for (const path of filesUnder(rig.folder)) look(path, `${path} ${readOrEmpty(path)}`);
      look('the shadow', JSON.stringify([rig.reported(), rig.desired(), rig.iotCore.shadow(rig.hubId).get()]));
      return [...found];
    },
    get samples() {
      return samples;
    },
    stop() {
      clearInterval(timer);
      unsubscribe();
    },
  };
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // It ended, or went, between the listing and the reading.
    return '';
  }
}

function withChildren(pid: number): number[] {
  const children = readOrEmpty(`/proc/${pid}/task/${pid}/children`).trim();
  return [pid, ...(children === '' ? [] : children.split(/\s+/).flatMap((child) => withChildren(Number(child))))];
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
