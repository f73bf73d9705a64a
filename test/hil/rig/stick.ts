import { type ChildProcess, spawn } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Manifest } from '../../../agent/release/manifest.ts';
import { generateSigningKey, readSigningKey } from '../../../scripts/package/signature.ts';
import { signRelease, writeRelease } from '../../../scripts/release/folder.ts';
import { manifestOf } from '../../unit/updater/hub.ts';
import { nodeFlags } from './agent-process.ts';

const APPLY = resolve(import.meta.dirname, 'apply-process.ts');

/** A running `hubctl update apply`. */
export interface Applying {
  readonly process: ChildProcess;
  /** From here on it works. */
  begin(): void;
  ended: Promise<{ code: number; text: string }>;
}

/** A stick with signed releases, and hubs that trust its key: `root` is above every absolute path, the state directory is apart. */
export async function createStick({ root, stateDirectory }: { root: string; stateDirectory: string }) {
  const trusted = join(root, 'usr/share/hub-agent/release-keys');
  const stick = join(root, 'stick');
  for (const folder of [trusted, stick]) mkdirSync(folder, { recursive: true });
  await generateSigningKey(join(stick, 'key'));
  const key = await readSigningKey(join(stick, 'key'));
  const publicKey = createPublicKey(key);
  writeFileSync(join(trusted, 'stick.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  const config = join(root, 'agent.json');
  writeFileSync(config, JSON.stringify({ stateDirectory, local: { socketPath: join(root, 'none.sock') } }));

  return {
    publicKey,

    /** Puts a release on the stick; gives the path of its file. */
    async release(sequence: number, files: Record<string, string>, more: Partial<Manifest> = {}): Promise<string> {
      const parts = Object.entries(files).map(([name, text]) => ({ name, data: Buffer.from(text) }));
      const folder = join(stick, String(sequence));
      await writeRelease(folder, { manifest: manifestOf(sequence, files, more), parts, sbom: Buffer.from('{}'), fast: true });
      return (await signRelease(folder, key, null)).file;
    },

    /** A process that is ready to apply the file. */
    async apply(file: string): Promise<Applying> {
      const child = spawn(process.execPath, [...nodeFlags(), APPLY, root, config, file], { stdio: ['pipe', 'pipe', 'inherit'] });
      onTestFinished(() => void child.kill('SIGKILL'));
      let output = '';
      const ready = Promise.withResolvers<void>();
      const ended = Promise.withResolvers<{ code: number; text: string }>();
      child.stdout.on('data', (data: Buffer) => {
        output += data.toString();
        if (output.startsWith('ready\n')) ready.resolve();
      });
      child.once('close', () => {
        const line = output.split('\n')[1] ?? '';
        if (line) ended.resolve(JSON.parse(line) as { code: number; text: string });
        else ended.resolve({ code: -1, text: output });
      });
      await ready.promise;
      return { process: child, begin: () => void child.stdin.end(), ended: ended.promise };
    },
  };
}
