import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { createPki } from '../../twins/pki/pki.ts';

/** Everything that a flashing station is given. */
export interface Batch {
  folder: string;
  manifest: string;
  config: string;
  output: string;
  hubIds: string[];
}

const PROGRAM = resolve(import.meta.dirname, '../../../scripts/flash/main.ts');
const VALID_DAYS = 3650;

/** A manifest of hubs with their certificates, and the configuration of the batch. */
export async function makeBatch(folder: string, count: number): Promise<Batch> {
  const pki = await createPki();
  const notBefore = new Date(Date.now() - 86_400_000);
  const notAfter = new Date(Date.now() + VALID_DAYS * 86_400_000);
  await mkdir(join(folder, 'pem'));
  const lines = ['hubId,serial,model,vendorName,thingName,certificate,key'];
  const hubIds: string[] = [];
  for (let index = 0; index < count; index++) {
    const hubId = randomUUID();
    hubIds.push(hubId);
    const { certificate, privateKey } = await pki.issueClient(hubId, { notBefore, notAfter });
    await writeFile(join(folder, `pem/${hubId}.crt`), certificate);
    await writeFile(join(folder, `pem/${hubId}.key`), privateKey, { mode: 0o600 });
    lines.push(`${hubId},SN-${String(index).padStart(5, '0')},HUB-1,"Locks, Inc.",,pem/${hubId}.crt,pem/${hubId}.key`);
  }
  const paths = { manifest: join(folder, 'manifest.csv'), config: join(folder, 'agent.json'), output: join(folder, 'out') };
  await writeFile(paths.manifest, `${lines.join('\n')}\n`);
  await writeFile(paths.config, JSON.stringify({ cloud: { endpoint: 'example-ats.iot.eu-central-1.amazonaws.com', caPath: 'ca.pem' } }));
  await writeFile(join(folder, 'ca.pem'), pki.caCertificate);
  return { folder, ...paths, hubIds };
}

/** An empty ext4 file system in a file, as small as it can be for a hub's files. */
export async function makeImage(path: string): Promise<void> {
  await promisify(execFile)('mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', '-m', '0', '-N', '32', path, '1M']);
}

/** What a run of the flashing program came to. */
export interface FlashRun {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Runs the program, wherever the batch lies; with `killWhen` it is killed the moment that says so. */
export function runFlash(
  args: readonly string[],
  killWhen?: () => Promise<boolean>,
  wherever: readonly string[] = ['--allow-git-work-tree'],
): Promise<FlashRun> {
  return new Promise((done) => {
    let over = false;
    const child = execFile(process.execPath, [PROGRAM, ...wherever, ...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      over = true;
      done({ exitCode: error ? (typeof error.code === 'number' ? error.code : -1) : 0, stdout, stderr });
    });
    const watch = async () => {
      while (!over && killWhen) {
        if (await killWhen()) return void child.kill('SIGKILL');
        await new Promise((resume) => setTimeout(resume, 5));
      }
    };
    void watch();
  });
}

/** Hubs that are finished, by the program's own records. */
export async function recorded(output: string): Promise<string[]> {
  const names = await readdir(join(output, 'records')).catch(() => []);
  return names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -5));
}

/** The hub that lies in an image, by its own word, and whether its key is there with the right mode. */
export async function readImage(path: string): Promise<{ hubId: string; keyMode: string }> {
  const { stdout } = await promisify(execFile)('debugfs', ['-R', 'cat /etc/hub-agent/identity.json', path]);
  const { stdout: listing } = await promisify(execFile)('debugfs', ['-R', 'ls -p /etc/hub-agent', path]);
  const keyMode = /\/(\d+)\/0\/0\/private-key\.pem\//.exec(listing)?.[1] ?? 'none';
  return { hubId: (JSON.parse(stdout) as { hubId: string }).hubId, keyMode };
}

/** The lines of all private keys of a batch, to be found nowhere else. */
export async function keyLines(batch: Batch): Promise<string[]> {
  const keys = await Promise.all(batch.hubIds.map((hubId) => readFile(join(batch.folder, `pem/${hubId}.key`), 'utf8')));
  return keys.map((key) => key.split('\n')[1]!);
}
