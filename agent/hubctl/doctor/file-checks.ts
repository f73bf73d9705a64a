import { dirname, join } from 'node:path';
import { parseCertificates } from '../../config/pem.ts';
import { ADMIN_SOCKET_NAME } from '../../contract/local-sockets.ts';
import { type CertificateCode, type CertificateParams, certificateFinding } from '../../health/certificate.ts';
import { configFinding } from '../../health/config.ts';
import { type LocalFilesCode, type LocalFilesParams, localFilesFinding } from '../../health/local-files.ts';
import { EXPIRES_SOON_DAYS } from '../../system/expiry.ts';
import type { PathFacts, Paths } from '../../system/paths.ts';
import { readRegularFile } from '../../system/regular-file.ts';
import { NOT_READABLE } from '../cli/offline.ts';
import { serviceUser } from '../machine/service-user.ts';
import { type Check, catalogued, type Finding, ok, skipped } from './check.ts';
import { agentFaults, strangersIn } from './state-checks.ts';

const DAY_MS = 86_400_000;
const OTHERS = 0o077;
const OWNER_WRITES = 0o300;
const SYSTEMD_CREDENTIALS = '/run/credentials/';
const MAX_FINDINGS = 10;
const MAX_PEM_BYTES = 256 * 1024;

const local = <Code extends LocalFilesCode>(code: Code, params: LocalFilesParams[Code]) => catalogued(localFilesFinding(code, params));
const certificate = <Code extends CertificateCode>(code: Code, params: CertificateParams[Code]) =>
  catalogued(certificateFinding(code, params));
const dayOf = (date: Date) => date.toISOString().slice(0, 10);
const look = (paths: Paths, path: string): Promise<PathFacts | string> =>
  paths.facts(path).catch((error: NodeJS.ErrnoException) => error.code ?? 'UNKNOWN');

export const configCheck: Check = {
  name: 'config',
  why: 'The agent does not start with a wrong configuration.',
  async run({ configFaults }) {
    const { problems, warnings, unreadable } = await configFaults();
    const found = [
      ...[...problems, ...warnings].map((fault) => catalogued(configFinding(fault))),
      ...unreadable.map((path) => skipped(`${path} cannot be read: use sudo`)),
    ];
    return found.length === 0 ? ok('identity.json and agent.json are right') : found.slice(0, MAX_FINDINGS);
  },
};

/** A file with a secret, or that only the service may write. */
async function privateFile(paths: Paths, path: string, what: string): Promise<Finding | null> {
  // systemd guards its credentials by an access list, which the mode shows as rights of the group.
  if (path.startsWith(SYSTEMD_CREDENTIALS)) return null;
  const found = await look(paths, path);
  if (found === 'ENOENT') return local('file_missing', { what, path });
  if (found === 'EACCES') return skipped(`${what} ${path} cannot be looked at: use sudo`);
  if (typeof found === 'string') return local('file_unreadable', { what, path, code: found });
  return (found.mode & OTHERS) === 0 ? null : local('file_open', { what, path, mode: found.mode });
}

async function stateDirectory(paths: Paths, path: string, owner: number | null): Promise<Finding | null> {
  const found = await look(paths, path);
  if (found === 'ENOENT') return local('state_missing', { path });
  if (found === 'EACCES') return skipped(`the state directory ${path} cannot be looked at: use sudo`);
  if (typeof found === 'string') return local('state_unreadable', { path, code: found });
  const { kind, uid, mode } = found;
  if (kind !== 'directory') return local('state_no_folder', { path });
  if (owner !== null && uid !== owner) return local('state_owner', { path, uid });
  if ((mode & OTHERS) !== 0) return local('state_open', { path, mode });
  return (mode & OWNER_WRITES) === OWNER_WRITES ? null : local('state_unwritable', { path, mode });
}

async function socketModes(paths: Paths, socketPath: string): Promise<Finding[]> {
  const wanted = [
    { path: socketPath, wanted: 0o660 },
    { path: join(dirname(socketPath), ADMIN_SOCKET_NAME), wanted: 0o600 },
  ];
  const found = await Promise.all(wanted.map(async (each) => ({ ...each, facts: await look(paths, each.path) })));
  return found.flatMap(({ path, wanted, facts }) => {
    if (typeof facts === 'string') return [];
    if (facts.kind !== 'socket') return [local('socket_blocked', { path })];
    return (facts.mode & 0o777) === wanted ? [] : [local('socket_mode', { path, mode: facts.mode, wanted })];
  });
}

export const filesCheck: Check = {
  name: 'files',
  why: 'Keys that others can read are compromised; a state that cannot be written stops every command.',
  async run({ ports, settings, agent }) {
    const { stateDirectory: state, socketPath } = ports.places;
    const { paths } = ports;
    const keys = settings.buses.flatMap(({ keysPath }) => keysPath ?? []);
    const found = await Promise.all([
      settings.privateKeyPath === null ? null : privateFile(paths, settings.privateKeyPath, 'the private key'),
      ...keys.map((path) => privateFile(paths, path, 'the key file')),
      serviceUser(ports).then((user) => stateDirectory(paths, state, state.startsWith('/var/lib/') ? (user?.uid ?? null) : null)),
      ...[await socketModes(paths, socketPath)].flat(),
    ]);
    const { status } = await agent();
    const owner = await paths.facts(state, { follow: false }).catch(() => null);
    const inside = [
      ...agentFaults(status?.fileFaults ?? [], state),
      ...(owner === null ? [] : await strangersIn(paths, state, owner.uid)),
    ].slice(0, MAX_FINDINGS);
    const closed = ports.places.unreadable.map((path) => skipped(`${path} is ${NOT_READABLE}`));
    const findings = [...closed, ...found.filter((finding) => finding !== null), ...inside];
    return findings.length === 0 ? ok('state, keys and sockets have the right modes') : findings;
  },
};

export const certificateCheck: Check = {
  name: 'certificate',
  why: 'The cloud accepts only a hub with a valid certificate; when it expires, the hub goes offline.',
  async run({ ports, settings }) {
    const { certificatePath: path } = settings;
    if (path === null) return certificate('certificate_unnamed', {});
    const text = await readRegularFile(path, { maxBytes: MAX_PEM_BYTES }).then(String, (error: NodeJS.ErrnoException) => error);
    if (typeof text !== 'string') {
      if (text.code === 'EACCES') return skipped(`${path} cannot be read: use sudo`);
      const isCredential = path === join(ports.places.credentialsDirectory, 'certificate.pem');
      return certificate('certificate_unreadable', {
        path,
        code: String(text.code),
        folder: isCredential ? '/etc/hub-agent' : dirname(path),
      });
    }
    // As the agent reads it.
    const parsed = parseCertificates(text);
    if (!parsed.ok) return certificate('certificate_malformed', { path, ...parsed.problem });
    const nowMs = ports.wallClock.nowMs();
    const { validFromDate: from, validToDate: to, subject } = parsed.value[0]!;
    const days = Math.floor((to.getTime() - nowMs) / DAY_MS);
    const until = dayOf(to);
    if (nowMs > to.getTime()) return certificate('certificate_expired', { until });
    if (nowMs < from.getTime()) return certificate('certificate_not_yet_valid', { from: dayOf(from) });
    if (days < EXPIRES_SOON_DAYS) return certificate('certificate_expires_soon', { days, until });
    return ok(`valid until ${until} (${subject.replaceAll('\n', ', ')})`);
  },
};
