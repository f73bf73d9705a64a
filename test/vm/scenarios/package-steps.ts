import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { run } from '../host/run.ts';
import type { VirtualHub } from '../hub.ts';
import { currentSsid } from '../network.ts';
import { type AgentContext, createExpectations, type Outcome, type Scenario } from '../scenario.ts';

export const REPOSITORY = resolve(import.meta.dirname, '../../..');
export const ANSWER_TIMEOUT_MS = 300_000;
export const ONLINE_TIMEOUT_MS = 180_000;
/** Where the packages lie in the guest: `1.deb` and `2.deb`. */
export const GUEST_FOLDER = '/var/tmp/packages';
const DPKG_TIMEOUT_MS = 300_000;
const HUBCTL_TIMEOUT_MS = 180_000;

export type Expect = (condition: boolean, otherwise: string) => void;

export function scenario(name: string, work: (context: AgentContext, expect: Expect, missed: string[]) => Promise<string>): Scenario {
  return {
    name: `package: ${name}`,
    kind: 'agent',
    async run(context): Promise<Outcome> {
      const { problems, expect } = createExpectations();
      const started = performance.now();
      const missed: string[] = [];
      const answer = await work(context, expect, missed);
      return { network: await currentSsid(context.hub), answer, tookMs: performance.now() - started, problems, missed };
    },
  };
}

/** Puts package revisions 1 and 2 of the present sources into the guest, unless they are there. */
export async function providePackages(hub: VirtualHub): Promise<void> {
  if ((await hub.run(`test -e ${GUEST_FOLDER}/2.deb`)).exitCode === 0) return;
  const folder = await mkdtemp(join(tmpdir(), 'virtual-hub-deb-'));
  try {
    await hub.must(`mkdir -p ${GUEST_FOLDER}`);
    for (const revision of ['1', '2']) {
      const args = ['scripts/package/main.ts', '--arch', 'amd64', '--fast', '--revision', revision, '--output', folder];
      const dist = process.env.HUB_VM_DIST ?? join(REPOSITORY, 'dist/amd64');
      const { stdout } = await run(process.execPath, [...args, '--dist', dist], { cwd: REPOSITORY });
      const { file } = JSON.parse(stdout.trim().split('\n').at(-1)!) as { file: string };
      await hub.copyIn(join(folder, basename(file)), `${GUEST_FOLDER}/${revision}.deb`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export const dpkg = (hub: VirtualHub, args: string) =>
  hub.must(`DEBIAN_FRONTEND=noninteractive dpkg ${args} 2>&1`, { timeoutMs: DPKG_TIMEOUT_MS });

export async function installed(hub: VirtualHub): Promise<string> {
  return (await hub.must("dpkg -s hub-agent | sed -n 's/^Version: //p'")).trim();
}

/** What must outlast every change of the package: who the hub is, how it works, what it knows. */
export const kept = (hub: VirtualHub) =>
  hub.must('cd /etc/hub-agent && cat identity.json agent.json certificate.pem | sha256sum; cat /var/lib/hub-agent/claim.json');

export async function answerOf({ world, signal }: AgentContext, command: string, args: Record<string, unknown>): Promise<string> {
  const previous = await world.cloud.send(command, args);
  const answer = await world.cloud.answer(previous, ANSWER_TIMEOUT_MS, signal);
  return answer ? [answer.status, answer.error?.code].filter(Boolean).join(' ') : 'none';
}

/** The JSON that hubctl prints, with its exit code. @throws Error when it prints none */
export async function hubctlJson<T>(hub: VirtualHub, line: string): Promise<{ exitCode: number; value: T }> {
  const { exitCode, stdout, stderr } = await hub.run(`hubctl ${line} --json`, { timeoutMs: HUBCTL_TIMEOUT_MS });
  try {
    return { exitCode, value: JSON.parse(stdout.trim().split('\n').at(-1)!) as T };
  } catch {
    throw new Error(`hubctl ${line} ended with ${exitCode} and no JSON: ${(stderr || stdout).slice(0, 500)}`);
  }
}
