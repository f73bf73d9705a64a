import { type ExecFileException, execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type SampleLanguage = 'curl' | 'python' | 'javascript' | 'go' | 'ruby';
export type SamplePage = 'ProvisionHub' | 'ClaimHub' | 'SendHubCommand';

/** What is filled in for the placeholders of a sample; a credential that is left out keeps its (invalid) placeholder. */
export interface SampleInputs {
  /** Replaces `https://api.spkey.co`: scheme, host and port, without a trailing slash. */
  host: string;
  hubId: string;
  credentials: { token?: string; apiKey?: string };
}

export interface SampleRun extends SampleInputs {
  language: SampleLanguage;
  page: SamplePage;
  /** PEM of the authority that the program is to trust for TLS. The Ruby samples speak TLS whatever the host's scheme is. */
  caCertificate?: string;
  /** Runs Python on the stand-in for `requests` even where the real package is installed. */
  standInForRequests?: boolean;
}

export interface SampleResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** How a language's program file is named and run. `version` is how to see that it is installed. */
const TOOLS: Record<SampleLanguage, { file: string; command: string; args: readonly string[]; version: readonly string[] }> = {
  curl: { file: 'sample.sh', command: 'sh', args: [], version: ['curl', '--version'] },
  python: { file: 'sample.py', command: 'python3', args: [], version: ['python3', '--version'] },
  javascript: { file: 'sample.mjs', command: process.execPath, args: [], version: [process.execPath, '--version'] },
  go: { file: 'sample.go', command: 'go', args: ['run'], version: ['go', 'version'] },
  ruby: { file: 'sample.rb', command: 'ruby', args: [], version: ['ruby', '--version'] },
};

/** Go compiles its standard library on the first run. */
const TIMEOUT_MS = 150_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;

const FIND_REQUESTS = "import importlib.util, sys; sys.exit(importlib.util.find_spec('requests') is None)";

/** True when the language's tool can be run here. */
export function isInstalled(language: SampleLanguage): boolean {
  const [command, ...args] = TOOLS[language].version;
  return spawnSync(command!, args, { stdio: 'ignore' }).status === 0;
}

/** The sample's text as the page prints it. */
export function readSample(language: SampleLanguage, page: SamplePage): Promise<string> {
  return readFile(join(import.meta.dirname, 'pages', `${page}.${language}.txt`), 'utf8');
}

/** The text with the placeholders of host, hub id and keys filled in, and nothing else touched. */
export function fillIn(text: string, { host, hubId, credentials }: SampleInputs): string {
  return text
    .replaceAll('https://api.spkey.co', () => host)
    .replaceAll('/hubs/example_string/', () => `/hubs/${hubId}/`)
    .replaceAll('"hubId": "example_string"', () => `"hubId": "${hubId}"`)
    .replaceAll('YOUR_API_TOKEN (JWT)', (placeholder) => credentials.token ?? placeholder)
    .replaceAll('YOUR_API_KEY', (placeholder) => credentials.apiKey ?? placeholder);
}

/**
 * The Go samples do not compile as the pages print them: they import `encoding/json` without using it, which Go refuses. Importing it
 * under the blank name is the one repair made to a sample.
 */
function repairGo(text: string): string {
  return text.replace('\n"encoding/json"\n', '\n_ "encoding/json"\n');
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Promise<SampleResult> {
  return new Promise((resolve, reject) => {
    const options = { env, cwd, timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES, killSignal: 'SIGKILL' as const };
    execFile(command, args, options, (error: ExecFileException | null, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error);
      else resolve({ exitCode: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

/** A proxy of the machine would stand between the sample and a twin on loopback; nothing else of the environment matters. */
function environment(caFile: string | null): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  const trust = caFile && { SSL_CERT_FILE: caFile, CURL_CA_BUNDLE: caFile, REQUESTS_CA_BUNDLE: caFile, NODE_EXTRA_CA_CERTS: caFile };
  const go = { GO111MODULE: 'off', GOPROXY: 'off', GOTOOLCHAIN: 'local' };
  return { PATH, HOME, LANG: 'C.UTF-8', PYTHONDONTWRITEBYTECODE: '1', ...go, ...trust };
}

/**
 * Runs a sample program of the API pages in a folder of its own, which is removed afterwards.
 * @throws Error when the tool is missing or does not end within its time.
 */
export async function runSample(sample: SampleRun): Promise<SampleResult> {
  const { file, command, args } = TOOLS[sample.language];
  const directory = await mkdtemp(join(tmpdir(), 'api-sample-'));
  try {
    const program = join(directory, file);
    const text = fillIn(await readSample(sample.language, sample.page), sample);
    await writeFile(program, sample.language === 'go' ? repairGo(text) : text, { mode: 0o600 });
    const caFile = sample.caCertificate ? join(directory, 'ca.pem') : null;
    if (caFile) await writeFile(caFile, sample.caCertificate!);
    const env = environment(caFile);
    if (sample.language === 'python') {
      const standIn = sample.standInForRequests || (await run(command, ['-c', FIND_REQUESTS], env, directory)).exitCode !== 0;
      if (standIn) env.PYTHONPATH = join(import.meta.dirname, 'stand-in');
    }
    return await run(command, [...args, program], env, directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
