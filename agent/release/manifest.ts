/** One file of a release, found by the hash of its bytes. */
export interface ReleasePart {
  /** Its path below the release's folder: `node`, `hub-agent.cjs`, `native/aws-crt.node`. */
  name: string;
  /** SHA-256, 64 hexadecimal digits in small letters. */
  sha256: string;
  bytes: number;
}

/** What a release is: the document that is signed. */
export interface Manifest {
  format: 1;
  /** Only ever goes up, also when `version` goes down: a hub takes no release whose sequence it has left behind. */
  sequence: number;
  version: string;
  arch: 'amd64' | 'arm64';
  /** The hub models that it is for, as identity.json names them; empty: every model. */
  models: readonly string[];
  /** The contract of unit, launcher and updater that it needs: the integer in `SYSTEM` of the Debian package. */
  requiresSystem: number;
  /** The lowest committed sequence that it may follow; absent: any. */
  minimumFrom?: number;
  parts: readonly ReleasePart[];
  /** ISO 8601, for people. */
  createdAt: string;
}

/** Above every manifest: 32 parts have 4.4 KB. */
export const MAX_MANIFEST_BYTES = 16 * 1024;
/** The bundle alone has twelve files that it loads when it needs them. */
const MAX_PARTS = 32;
/** Node has 123 MB. */
const MAX_PART_BYTES = 256 * 1024 * 1024;
const MAX_MODELS = 32;
const PART_NAME = /^(?:native\/)?[a-z0-9][a-z0-9_-]{0,40}(?:\.[a-z0-9]{1,8}){0,2}$/;
/** What lies beside the parts in a release's folder. */
const RESERVED = ['release.json', 'release.sig', 'native'];
/** Without these nothing starts. */
const REQUIRED = ['node', 'hub-agent.cjs'];
const SHA256 = /^[0-9a-f]{64}$/;

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Debian's name of a processor that Node knows as `process.arch`. */
export const debianArch = (arch: string): string => ARCHITECTURES[arch] ?? arch;

/** The mode that a part has on the hub. */
export const modeOf = (part: Pick<ReleasePart, 'name'>): number => (part.name === 'node' ? 0o755 : 0o644);

/** JSON with sorted keys and no white space: a value has one text, and a signature of it one meaning. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`)
    .join(',')}}`;
}

/** The bytes that are signed. */
export const manifestText = (manifest: Manifest): string => canonical(manifest);

const isWhole = (value: unknown, min: number, max: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
const isText = (value: unknown, form: RegExp): value is string => typeof value === 'string' && form.test(value);

function partProblem(part: unknown): string | null {
  if (typeof part !== 'object' || part === null) return 'a part is no object';
  const { name, sha256, bytes, ...rest } = part as Record<string, unknown>;
  if (!isText(name, PART_NAME) || RESERVED.includes(name)) return 'a part has no usable name';
  if (!isText(sha256, SHA256)) return `${name} has no SHA-256`;
  if (!isWhole(bytes, 1, MAX_PART_BYTES)) return `${name} has no sensible size`;
  return Object.keys(rest).length === 0 ? null : `${name} has fields that are not known`;
}

function problemOf(fields: Record<string, unknown>): string | null {
  const { format, sequence, version, arch, models, requiresSystem, minimumFrom, parts, createdAt, ...rest } = fields;
  if (format !== 1) return 'its format is not 1';
  if (!isWhole(sequence, 1, Number.MAX_SAFE_INTEGER)) return 'it has no sequence';
  if (!isText(version, /^[0-9A-Za-z.+~-]{1,64}$/)) return 'it has no version';
  if (arch !== 'amd64' && arch !== 'arm64') return 'it has no arch';
  if (!Array.isArray(models) || models.length > MAX_MODELS || !models.every((model) => isText(model, /^[ -~]{1,128}$/)))
    return 'it has no list of models';
  if (!isWhole(requiresSystem, 1, 1_000_000)) return 'it has no requiresSystem';
  if (minimumFrom !== undefined && !isWhole(minimumFrom, 0, Number.MAX_SAFE_INTEGER)) return 'minimumFrom is no sequence';
  if (!isText(createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/)) return 'it has no createdAt';
  if (Object.keys(rest).length > 0) return 'it has fields that are not known';
  if (!Array.isArray(parts) || parts.length > MAX_PARTS) return 'it has no list of parts';
  const wrong = parts.map(partProblem).find((problem) => problem !== null);
  if (wrong) return wrong;
  const names = new Set((parts as ReleasePart[]).map(({ name }) => name));
  if (names.size !== parts.length) return 'two parts have one name';
  const missing = REQUIRED.find((name) => !names.has(name));
  return missing === undefined ? null : `it has no ${missing}`;
}

/** @throws Error that says what is wrong, and quotes no field but the name of a part */
export function parseManifest(text: string): Manifest {
  if (Buffer.byteLength(text) > MAX_MANIFEST_BYTES) throw new Error('the manifest is too large');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('the manifest is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('the manifest is no object');
  const problem = problemOf(value as Record<string, unknown>);
  if (problem !== null) throw new Error(`the manifest is wrong: ${problem}`);
  if (canonical(value) !== text) throw new Error('the manifest is not in its canonical form');
  return value as Manifest;
}
