import { dirname, join } from 'node:path';
import { parseCertificates } from '../../config/pem.ts';
import { ADMIN_SOCKET_NAME } from '../../control/api.ts';
import { EXPIRES_SOON_DAYS } from '../../system/expiry.ts';
import type { PathFacts, Paths } from '../../system/paths.ts';
import { readRegularFile } from '../../system/regular-file.ts';
import { NOT_READABLE } from '../cli/offline.ts';
import { serviceUser } from '../machine/service-user.ts';
import { type Check, type Finding, fail, ok, skipped, warn } from './check.ts';
import { agentFaults, strangersIn } from './state-checks.ts';

const DAY_MS = 86_400_000;
const OTHERS = 0o077;
const SYSTEMD_CREDENTIALS = '/run/credentials/';
const MAX_FINDINGS = 10;
const MAX_PEM_BYTES = 256 * 1024;

const octal = (mode: number) => (mode & 0o777).toString(8).padStart(4, '0');
const look = (paths: Paths, path: string): Promise<PathFacts | string> =>
  paths.facts(path).catch((error: NodeJS.ErrnoException) => error.code ?? 'UNKNOWN');

export const configCheck: Check = {
  name: 'config',
  why: 'The agent does not start with a wrong configuration.',
  async run({ configFaults }) {
    const { problems, warnings, unreadable } = await configFaults();
    const place = (file: string, field: string) => `${file}${field && `: ${field}`}`;
    const found = [
      ...problems.map(({ file, field, message, remedy }) => fail(`${place(file, field)}: ${message}`, remedy)),
      ...warnings.map(({ file, field, message, remedy }) => warn(`${place(file, field)}: ${message}`, remedy)),
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
  if (found === 'ENOENT') return fail(`${what} ${path} is missing`, `Put it at ${path}, mode 0600.`);
  if (found === 'EACCES') return skipped(`${what} ${path} cannot be looked at: use sudo`);
  if (typeof found === 'string') return fail(`${what} ${path} cannot be read (${found})`, 'sudo dmesg | tail -50');
  if ((found.mode & OTHERS) !== 0)
    return fail(`${what} ${path} has mode ${octal(found.mode)}: others can get at it`, `sudo chmod 0600 ${path}`);
  return null;
}

async function stateDirectory(paths: Paths, path: string, owner: number | null): Promise<Finding | null> {
  const found = await look(paths, path);
  if (found === 'ENOENT')
    return warn(`the state directory ${path} is missing: the agent makes it when it starts`, 'sudo systemctl start hub-agent');
  if (found === 'EACCES') return skipped(`the state directory ${path} cannot be looked at: use sudo`);
  if (typeof found === 'string') return fail(`the state directory ${path} cannot be read (${found})`, 'sudo dmesg | tail -50');
  if (found.kind !== 'directory') return fail(`${path} is no directory`, `sudo mv ${path} ${path}.old; sudo systemctl restart hub-agent`);
  if (owner !== null && found.uid !== owner)
    return fail(`the state directory ${path} belongs to uid ${found.uid}, not to hub-agent`, `sudo chown -Rh hub-agent:hub-agent ${path}`);
  if ((found.mode & OTHERS) !== 0)
    return warn(`the state directory ${path} has mode ${octal(found.mode)}: others can look in`, `sudo chmod 0700 ${path}`);
  if ((found.mode & 0o300) !== 0o300)
    return fail(`the state directory ${path} has mode ${octal(found.mode)}: the agent cannot write to it`, `sudo chmod 0700 ${path}`);
  return null;
}

async function socketModes(paths: Paths, socketPath: string): Promise<Finding[]> {
  const wanted = [
    { path: socketPath, mode: 0o660 },
    { path: join(dirname(socketPath), ADMIN_SOCKET_NAME), mode: 0o600 },
  ];
  const findings: Finding[] = [];
  for (const { path, mode } of wanted) {
    const found = await look(paths, path);
    if (typeof found === 'string') continue;
    if (found.kind !== 'socket')
      findings.push(
        fail(`${path} is no socket: the agent cannot listen there`, `sudo mv ${path} ${path}.old; sudo systemctl restart hub-agent`),
      );
    else if ((found.mode & 0o777) !== mode)
      findings.push(warn(`${path} has mode ${octal(found.mode)}, not ${octal(mode)}`, 'sudo systemctl restart hub-agent'));
  }
  return findings;
}

export const filesCheck: Check = {
  name: 'files',
  why: 'Keys that others can read are lost; a state that cannot be written stops every command.',
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
  why: 'The cloud lets in only a hub with a valid certificate; without it the hub is lost when it expires.',
  async run({ ports, settings }) {
    const { certificatePath: path } = settings;
    if (path === null) return fail('identity.json names no certificate', 'Set certificatePath in identity.json.');
    const text = await readRegularFile(path, { maxBytes: MAX_PEM_BYTES }).then(String, (error: NodeJS.ErrnoException) => error);
    if (typeof text !== 'string') {
      if (text.code === 'EACCES') return skipped(`${path} cannot be read: use sudo`);
      return fail(
        `the certificate ${path} cannot be read (${text.code})`,
        `Put it into ${path === join(ports.places.credentialsDirectory, 'certificate.pem') ? '/etc/hub-agent' : dirname(path)}.`,
      );
    }
    // As the agent reads it.
    const parsed = parseCertificates(text);
    if (!parsed.ok) return fail(`${path}: ${parsed.problem.message}`, parsed.problem.remedy);
    const nowMs = ports.wallClock.nowMs();
    const { validFromDate: from, validToDate: to, subject } = parsed.value[0]!;
    const days = Math.floor((to.getTime() - nowMs) / DAY_MS);
    const until = `${to.toISOString().slice(0, 10)}`;
    if (nowMs > to.getTime()) return fail(`it expired on ${until}`, 'Install a new certificate; check the clock first: timedatectl');
    if (nowMs < from.getTime())
      return fail(
        `it is valid from ${from.toISOString().slice(0, 10)} on: the clock is behind, or the certificate is new`,
        'timedatectl; sudo timedatectl set-ntp true',
      );
    if (days < EXPIRES_SOON_DAYS) return warn(`it expires in ${days} days, on ${until}`, 'Install a new certificate before.');
    return ok(`valid until ${until} (${subject.replaceAll('\n', ', ')})`);
  },
};
