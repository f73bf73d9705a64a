import { execFileSync, spawn } from 'node:child_process';
import { chmod, mkdir, open, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import type { NodesResult } from '../../agent/contract/node.ts';
import type { BusTrace } from '../../agent/contract/trace.ts';
import type { StatusReport, WifiReport } from '../../agent/control/api.ts';
import { type AgentClient, AgentError, type AgentProblem, createAgentClient } from '../../agent/hubctl/cli/client.ts';
import { hubctl } from '../../agent/hubctl/cli/hubctl.ts';
import { locate } from '../../agent/hubctl/cli/locate.ts';
import { openTcp } from '../../agent/hubctl/connectivity/net.ts';
import { holdersOf } from '../../agent/hubctl/doctor/bus-checks.ts';
import type { CheckResult, DoctorPorts } from '../../agent/hubctl/doctor/check.ts';
import { runDoctor } from '../../agent/hubctl/doctor/doctor.ts';
import { type ServiceState, SILENT_SYSTEMD } from '../../agent/hubctl/machine/service-state.ts';
import { createMonotonicClock } from '../../agent/system/clock.ts';
import { createFiles } from '../../agent/system/files.ts';
import type { HostReport } from '../../agent/system/host.ts';
import { createPaths } from '../../agent/system/paths.ts';
import { canListen, canMount } from '../support/privileges.ts';
import { openRawClient } from '../twins/iot-core/raw-client.ts';
import type { IotCore } from '../twins/iot-core/types.ts';
import { createPki } from '../twins/pki/pki.ts';
import type { Credentials, Pki } from '../twins/pki/types.ts';
import { createVirtualPort } from '../twins/virtual-port/index.ts';
import { bareMachine } from '../unit/hubctl/bare-machine.ts';
import { createFakeTerminal } from '../unit/hubctl/fake-terminal.ts';
import { HEALTHY, NODES } from '../unit/hubctl/fixtures.ts';
import { placesOf } from './rig/hubctl.ts';
import { createRig, type Rig } from './rig/rig.ts';

/** One fault: how it is made, and what the doctor must say of it. */
interface Fault {
  what: string;
  check: string;
  status?: CheckResult['status'];
  finding: RegExp;
  remedy: RegExp;
  config?: Record<string, unknown>;
  /** The rig has a serial line, with nothing on it. */
  line?: boolean;
  make?: (rig: Rig, etc: string) => Promise<unknown> | unknown;
  ports?: (rig: Rig) => Partial<DoctorPorts> | Promise<Partial<DoctorPorts>>;
}

let pki: Pki;
beforeAll(async () => {
  pki = await createPki();
});

/** An agent that answers what a test wants. */
function agent(answers: {
  status?: StatusReport;
  nodes?: NodesResult;
  wifi?: WifiReport;
  trace?: Partial<BusTrace>[];
}): Partial<DoctorPorts> {
  const client: AgentClient = {
    async get<T>(path: string) {
      const answer = path === '/v1/nodes' ? answers.nodes : path === '/v1/wifi' ? answers.wifi : (answers.status ?? HEALTHY);
      return answer as T;
    },
    change: async () => Promise.reject(new Error('not here')),
    async lines({ signal }, onLine) {
      for (const line of answers.trace ?? []) onLine(JSON.stringify(line));
      if (!signal?.aborted) await new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
    },
  };
  return { client };
}

const host = (report: Partial<HostReport>, synchronized: boolean | null = null): Partial<DoctorPorts> => {
  const { host: hostOf } = bareMachine(tmpdir());
  const real = hostOf(tmpdir());
  return {
    host: () => ({ ...real, clockSynchronized: async () => synchronized, collect: async () => ({ ...(await real.collect()), ...report }) }),
  };
};
const at = (iso: string): Partial<DoctorPorts> => ({ wallClock: { nowMs: () => Date.parse(iso) } });
const silentBus: NodesResult = { ...NODES, nodes: [], total: 0, available: 0, buses: [{ id: 'rs485', protocol: 'osdp', state: 'up' }] };
const BUS = { id: 'rs485', protocol: 'osdp', path: 'tty' };
const state = (mode: number) => async (rig: Rig) => {
  await mkdir(join(rig.folder, 'state'), { recursive: true });
  await chmod(join(rig.folder, 'state'), mode);
};

/** hubctl without root, to whom this file is closed. */
function createDenied(name: string): Partial<DoctorPorts> {
  const files = createFiles();
  const read = async (path: string) => {
    if (path.endsWith(name)) throw Object.assign(new Error('denied'), { code: 'EACCES' });
    return files.read(path);
  };
  return { configFaults: bareMachine(tmpdir(), { isRoot: false, files: { read } }).configFaults };
}

const RUNNING: ServiceState = {
  ...SILENT_SYSTEMD,
  loadState: 'loaded',
  activeState: 'active',
  subState: 'running',
  result: 'success',
  unitFileState: 'enabled',
};

/** An agent that does not do what it is asked. */
function silentAgent(problem: AgentProblem): Partial<DoctorPorts> {
  const refuse = async () => Promise.reject(new AgentError(problem, `it is ${problem}`));
  return { client: { get: refuse, change: refuse, lines: refuse } };
}

/** A server in the place of the cloud, which `ca.pem` then trusts. Serves one connection. */
async function tlsServer(rig: Rig, etc: string, { certificate, privateKey }: Credentials): Promise<void> {
  const server = createTlsServer({ cert: certificate, key: privateKey }, (socket) => socket.on('error', () => {}));
  server.on('tlsClientError', () => {});
  server.once('connection', () => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const cloud = { endpoint: rig.iotCore.host, port, caPath: 'ca.pem' };
  await writeFile(join(etc, 'ca.pem'), pki.caCertificate);
  await writeFile(join(etc, 'agent.json'), JSON.stringify({ cloud, local: { socketPath: '../control.sock' } }));
}

/** A port that drops what comes, as a firewall does: its queue is full, and nobody takes from it (listen(2)). */
async function blackHole(): Promise<{ port: number } & AsyncDisposable> {
  const code = `const s = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = Number(await new Promise((resolve) => child.stdout.once('data', resolve)));
  child.kill('SIGSTOP');
  const fill = Array.from({ length: 2 }, () => connect(port, '127.0.0.1'));
  await Promise.all(fill.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of fill) socket.on('error', () => {}).destroy();
      child.kill('SIGKILL');
    },
  };
}

/** AWS IoT takes one CONNECT of a client id in a second. */
const CONNECT_GAP_MS = 1_100;

const connack = (what: string, reason: number, finding: RegExp, remedy: RegExp): Fault => ({
  what: `a CONNECT that is refused: ${what}`,
  check: 'mqtt',
  make: (rig) => rig.iotCore.faults.refuseConnect(reason),
  finding,
  remedy,
});

const FAULTS: Fault[] = [
  { what: 'the agent does not run', check: 'agent', finding: /does not run/, remedy: /systemctl start/ },
  {
    what: 'an agent that may not be asked',
    check: 'agent',
    status: 'warn',
    ports: () => silentAgent('forbidden'),
    finding: /forbidden/,
    remedy: /sudo hubctl/,
  },
  {
    what: 'an agent that lost its socket',
    check: 'agent',
    ports: () => ({ ...silentAgent('down'), service: async () => RUNNING }),
    finding: /it runs, and its control socket is closed/,
    remedy: /logs/,
  },
  {
    what: 'an agent to which there is no way',
    check: 'agent',
    ports: () => silentAgent('unreachable'),
    finding: /unreachable/,
    remedy: /restart/,
  },
  {
    what: 'an agent that takes no more connections',
    check: 'agent',
    ports: () => silentAgent('busy'),
    finding: /takes no more connections/,
    remedy: /pgrep -af hubctl/,
  },
  {
    what: 'something in the configuration that may go wrong',
    check: 'config',
    status: 'warn',
    ports: () => ({
      configFaults: async () => ({
        problems: [],
        warnings: [
          {
            file: '/x/identity.json',
            field: 'certificatePath',
            message: 'the clock is not set',
            remedy: 'Wait.',
            reason: 'clock_unset' as const,
          },
        ],
        unreadable: [],
        hubId: null,
      }),
    }),
    finding: /identity\.json: certificatePath: the clock is not set/,
    remedy: /Wait/,
  },
  {
    what: 'a key file with a fault, at which the agent would not start',
    check: 'config',
    config: { buses: [{ ...BUS, keysPath: 'keys.json' }] },
    make: (_rig, etc) => writeFile(join(etc, 'keys.json'), '{', { mode: 0o600 }),
    finding: /buses\[0\]\.keysPath: .*not JSON/,
    remedy: /Correct .*keys\.json/,
  },
  {
    what: 'a file of the configuration that only root may read, as no fault',
    check: 'config',
    status: 'skipped',
    ports: () => createDenied('private.key'),
    finding: /private\.key cannot be read: use sudo/,
    remedy: /^$/,
  },
  {
    what: 'a private key that is not there',
    check: 'files',
    make: (_rig, etc) => rm(join(etc, 'private.key')),
    finding: /private key .*private\.key is missing/,
    remedy: /mode 0600/,
  },
  { what: 'no state directory', check: 'files', status: 'warn', finding: /state directory .* is missing/, remedy: /systemctl start/ },
  {
    what: 'a file in place of the state directory',
    check: 'files',
    make: (rig) => writeFile(join(rig.folder, 'state'), ''),
    finding: /state is no directory/,
    remedy: /mv .*state\.old/,
  },
  {
    what: 'a state directory of another user',
    check: 'files',
    ports: async (rig) => {
      await writeFile(join(rig.folder, 'passwd'), 'hub-agent:x:61234:61234::/:\n');
      const etc = join(rig.folder, 'etc');
      // It belongs to who runs this test, which the service's user is not; the owner is judged below /var/lib alone.
      const places = await locate(
        { config: join(etc, 'agent.json'), identity: join(etc, 'identity.json') },
        { env: {}, files: createFiles(), paths: createPaths() },
      );
      return { places: { ...places, stateDirectory: `/var/lib/../..${etc}` } };
    },
    finding: new RegExp(`belongs to uid ${process.getuid?.()}, not to hub-agent`),
    remedy: /chown -Rh hub-agent/,
  },
  {
    what: 'a socket that everybody may open',
    check: 'files',
    status: 'warn',
    make: async (rig) => {
      const path = join(rig.folder, 'control.sock');
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(path, resolve));
      server.unref();
      await chmod(path, 0o666);
    },
    finding: /control\.sock has mode 0666, not 0660/,
    remedy: /restart/,
  },
  {
    what: 'a certificate that is none',
    check: 'certificate',
    make: (_rig, etc) => writeFile(join(etc, 'certificate.pem'), 'PK\u0003\u0004'),
    finding: /not a certificate in PEM/,
    remedy: /Convert/,
  },
  {
    what: 'two ports where nobody listens',
    check: 'port',
    config: { cloud: { port: 1, fallbackPort: 2 } },
    finding: /refuses connections on port 1\n.*refuses connections on port 2/,
    remedy: /cloud\.port/,
  },
  {
    what: 'a server with a certificate for another name',
    check: 'tls',
    make: async (rig, etc) => tlsServer(rig, etc, await pki.issueServer(['other.example'])),
    finding: /certificate for another name/,
    remedy: /cloud\.endpoint/,
  },
  {
    what: 'a server whose certificate has expired',
    check: 'tls',
    make: async (rig, etc) => {
      const past = { notBefore: new Date(Date.now() - 20 * 86_400_000), notAfter: new Date(Date.now() - 86_400_000) };
      await tlsServer(rig, etc, await pki.issueClient('server', past));
    },
    finding: /server's certificate counts as expired/,
    remedy: /timedatectl/,
  },
  {
    what: 'a private key of another certificate',
    check: 'tls',
    make: async (_rig, etc) => writeFile(join(etc, 'private.key'), (await pki.issueClient('other')).privateKey),
    finding: /does not belong to the certificate/,
    remedy: /made together/,
  },
  connack('the client id', 0x85, /client id is refused \(0x85\)/, /thing name/),
  connack('the service', 0x88, /service is not available \(0x88\)/, /Health Dashboard/),
  connack('a quota', 0x97, /quota is exceeded \(0x97\)/, /second client/),
  connack('the rate', 0x9f, /too many connects in a second \(0x9f\)/, /Wait a minute/),
  connack('something else', 0x83, /refuses the connection \(0x83\)/, /CloudWatch/),
  {
    what: 'a serial port of which only root sees who has it open',
    check: 'serial',
    status: 'skipped',
    config: { buses: [BUS] },
    make: (_rig, etc) => symlink('/dev/full', join(etc, 'tty')),
    ports: (rig) => ({ isRoot: false, processFolder: join(rig.folder, 'no-processes') }),
    finding: /who else has it open cannot be seen: use sudo/,
    remedy: /^$/,
  },
  {
    what: 'a bus that is not available',
    check: 'bus',
    config: { buses: [BUS] },
    ports: () => {
      const error = { code: 'bus_unavailable' as const, message: '/dev/ttyUSB0 is in use by another program' };
      return agent({ nodes: { ...silentBus, buses: [{ id: 'rs485', protocol: 'osdp', state: 'unavailable', error }] } });
    },
    finding: /rs485: .*in use by another program/,
    remedy: /--check serial/,
  },
  {
    what: 'a node with an own key that is not secured',
    check: 'bus',
    config: { buses: [BUS] },
    ports: () => agent({ nodes: NODES }),
    finding: /node rs485\/18 is not secured although its own key is configured: .*no such key/,
    remedy: /right device.*set its own key/,
  },
  {
    what: 'another device at the address of a node',
    check: 'bus',
    config: { buses: [BUS] },
    ports: () => agent({ nodes: NODES }),
    finding: /another device answers as node rs485\/19: .*serial 1048576 instead of .*serial 7/,
    remedy: /Check on site/,
  },
  {
    what: 'a bus that a running agent does not know',
    check: 'bus',
    status: 'warn',
    config: { buses: [{ ...BUS, id: 'new' }] },
    ports: () => agent({ nodes: silentBus }),
    finding: /new: the agent does not know it/,
    remedy: /restart/,
  },
  {
    what: 'a radio that is switched off',
    check: 'wifi',
    config: { wifi: { backend: 'auto' } },
    ports: () => ({ wifiProblem: async () => ({ reason: 'radio_software', message: 'The radio is off.', device: 'wlan0' }) }),
    finding: /switched off/,
    remedy: /rfkill unblock wifi/,
  },
  {
    what: 'no Wi-Fi adapter, which a hub on a cable may do without',
    check: 'wifi',
    status: 'warn',
    config: { wifi: { backend: 'auto' } },
    ports: () => ({ wifiProblem: async () => ({ reason: 'no_device', message: 'There is none.', device: null }) }),
    finding: /no Wi-Fi device/,
    remedy: /nmcli device/,
  },
  {
    what: 'a journal that only root sees',
    check: 'watchdog',
    status: 'skipped',
    ports: () => ({ isRoot: false, service: async () => RUNNING, journal: async () => false }),
    finding: /stands in the journal: use sudo/,
    remedy: /^$/,
  },
  {
    what: 'a misspelt key in the configuration',
    check: 'config',
    config: { cloud: { endpont: 'x' } },
    finding: /agent\.json: cloud\.endpont/,
    remedy: /endpoint/,
  },
  {
    what: 'a private key that others can read',
    check: 'files',
    make: (_rig, etc) => chmod(join(etc, 'private.key'), 0o644),
    finding: /private\.key has mode 0644/,
    remedy: /chmod 0600/,
  },
  {
    what: 'a key file that others can read',
    check: 'files',
    config: { buses: [{ ...BUS, keysPath: 'keys.json' }] },
    make: (_rig, etc) => writeFile(join(etc, 'keys.json'), '{}', { mode: 0o640 }),
    finding: /keys\.json has mode 0640/,
    remedy: /chmod 0600/,
  },
  {
    what: 'a state directory that others can read',
    check: 'files',
    status: 'warn',
    make: state(0o755),
    finding: /mode 0755/,
    remedy: /chmod 0700/,
  },
  { what: 'a state directory that cannot be written', check: 'files', make: state(0o500), finding: /cannot write/, remedy: /chmod 0700/ },
  {
    what: 'a file in place of the socket',
    check: 'files',
    make: (rig) => writeFile(join(rig.folder, 'control.sock'), ''),
    finding: /no socket/,
    remedy: /mv .*control\.sock/,
  },
  {
    what: 'no certificate',
    check: 'certificate',
    make: (_rig, etc) => rm(join(etc, 'certificate.pem')),
    finding: /ENOENT/,
    remedy: /Put it into/,
  },
  {
    what: 'an expired certificate',
    check: 'certificate',
    ports: () => at('2080-01-01T00:00:00Z'),
    finding: /expired on/,
    remedy: /new certificate/,
  },
  {
    what: 'a certificate of the future',
    check: 'certificate',
    ports: () => at('2020-01-01T00:00:00Z'),
    finding: /valid from/,
    remedy: /timedatectl/,
  },
  {
    what: 'a certificate that ends soon',
    check: 'certificate',
    status: 'warn',
    make: async (rig, etc) => {
      const validity = { notBefore: new Date(Date.now() - 1_000), notAfter: new Date(Date.now() + 5.5 * 86_400_000) };
      await writeFile(join(etc, 'certificate.pem'), (await pki.issueClient(rig.hubId, validity)).certificate);
    },
    finding: /expires in 5 days/,
    remedy: /before/,
  },
  { what: 'a clock before the build', check: 'clock', ports: () => at('2001-01-01T00:00:00Z'), finding: /2001.*before/, remedy: /set-ntp/ },
  {
    what: 'a clock that was not set',
    check: 'clock',
    status: 'warn',
    ports: () => host({}, false),
    finding: /not set/,
    remedy: /set-ntp true/,
  },
  {
    what: 'an endpoint that does not exist',
    check: 'dns',
    config: { cloud: { endpoint: 'no-such-hub.invalid' } },
    finding: /no-such-hub\.invalid/,
    remedy: /endpoint|resolv\.conf/,
  },
  {
    what: 'a port where nobody listens',
    check: 'port',
    config: { cloud: { port: 1 } },
    finding: /refuses connections on port 1/,
    remedy: /cloud\.port/,
  },
  {
    what: 'a CA that did not sign the cloud',
    check: 'tls',
    make: (_rig, etc) => writeFile(join(etc, 'ca.pem'), pki.caCertificate),
    finding: /cloud\.caPath did not sign/,
    remedy: /Amazon Root CA/,
  },
  {
    what: 'a certificate that the cloud does not know',
    check: 'mqtt',
    make: async (rig, etc) => {
      const { certificate, privateKey } = await pki.issueClient(rig.hubId);
      await Promise.all([writeFile(join(etc, 'certificate.pem'), certificate), writeFile(join(etc, 'private.key'), privateKey)]);
    },
    // Node's TLS server cannot say no with an alert; a server that does is in hubctl-refused.test.ts.
    finding: /closes the connection instead of answering CONNECT/,
    remedy: /ACTIVE/,
  },
  {
    what: 'a port without TLS',
    check: 'tls',
    make: async (rig, etc) => {
      const server = createServer((socket) => {
        socket.destroy();
        server.close();
      }).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as { port: number };
      const config = { cloud: { endpoint: rig.iotCore.host, port, caPath: 'ca.pem' }, local: { socketPath: '../control.sock' } };
      await writeFile(join(etc, 'agent.json'), JSON.stringify(config));
    },
    finding: /cut in the handshake/,
    remedy: /port/,
  },
  {
    what: 'a policy that forbids to connect',
    check: 'mqtt',
    make: (rig) => rig.iotCore.faults.refuseConnect(0x87),
    finding: /not authorised to connect \(0x87\)/,
    remedy: /iot:Connect/,
  },
  {
    what: 'a topic that may not be published to',
    check: 'topics',
    make: (rig) => rig.iotCore.faults.denyPublish(`hubs/${rig.hubId}/commands/`),
    finding: /iot:Publish on hubs\/.*\/commands\/hubctl\/result is refused/,
    remedy: /policy/,
  },
  {
    what: 'a topic that may not be subscribed to',
    check: 'topics',
    make: (rig) => rig.iotCore.faults.denySubscribe(`$aws/things/${rig.hubId}/shadow/update/delta`),
    finding: /iot:Subscribe on .*update\/delta is refused/,
    remedy: /policy/,
  },
  {
    what: 'a topic that is not answered, which is no refusal',
    check: 'topics',
    status: 'warn',
    make: (rig) => rig.iotCore.faults.losePubacks(1, `hubs/${rig.hubId}/commands/`),
    finding: /iot:Publish on .*\/result got no answer/,
    remedy: /doctor/,
  },
  {
    what: 'a blocked port beside an open one that the agent does not use',
    check: 'port',
    make: async (_rig, etc) => {
      // An address of its own on the loopback: nobody else listens there.
      const host = `127.84.${process.pid & 0xff}.${1 + (Date.now() % 250)}`;
      const server = createServer((socket) => {
        socket.destroy();
        server.close();
      });
      await new Promise<void>((resolve) => server.listen(8883, host, resolve));
      await writeFile(join(etc, 'agent.json'), JSON.stringify({ cloud: { endpoint: host, port: 443 } }));
    },
    finding: /refuses connections on port 443; port 8883 is open, and the agent does not use it/,
    remedy: /"fallbackPort": 8883/,
  },
  {
    what: 'a topic that the running agent was refused',
    check: 'topics',
    ports: () => agent({ status: { ...HEALTHY, cloud: { ...HEALTHY.cloud, leftOut: ['result_publish'] } } }),
    finding: /result_publish/,
    remedy: /policy/,
  },
  { what: 'a serial port that is not there', check: 'serial', config: { buses: [BUS] }, finding: /tty is not there/, remedy: /by-id/ },
  {
    what: 'a file in place of a serial port',
    check: 'serial',
    config: { buses: [BUS] },
    make: (_rig, etc) => writeFile(join(etc, 'tty'), ''),
    finding: /no serial port/,
    remedy: /path of the bus/,
  },
  {
    what: 'a serial port that is not ours',
    check: 'serial',
    line: true,
    config: { buses: [BUS] },
    make: async (rig, etc) => {
      await chmod(rig.port!.path, 0o600);
      await symlink(rig.port!.path, join(etc, 'tty'));
      await writeFile(join(rig.folder, 'passwd'), 'root:x:0:0::/:\nhub-agent:x:61234:61234::/:\n');
      await writeFile(join(rig.folder, 'group'), 'dialout:x:20:somebody\n');
    },
    // Who holds the twin's end of the line is no stranger.
    ports: async (rig) => {
      const [holder] = await holdersOf(await realpath(rig.port!.path), {
        processFolder: '/proc',
        paths: createPaths(),
        files: createFiles(),
      });
      return agent({ status: { ...HEALTHY, agent: { ...HEALTHY.agent, pid: holder!.pid } } });
    },
    finding: /may not open \/dev\/pts/,
    remedy: /chgrp dialout/,
  },
  {
    what: 'a bus on which nobody answers',
    check: 'bus',
    config: { buses: [BUS] },
    ports: () => agent({ nodes: silentBus, trace: [{ kind: 'silence', heard: 'nothing', text: 'noise is no word to decide by' }] }),
    finding: /no peripheral answers/,
    remedy: /nodes scan/,
  },
  {
    what: 'a wrong baud rate',
    check: 'bus',
    config: { buses: [BUS] },
    ports: () => agent({ nodes: silentBus, trace: Array(4).fill({ kind: 'silence', heard: 'noise', text: '' }) }),
    finding: /wrong baud rate \(now 9600\)/,
    remedy: /"auto"/,
  },
  {
    what: 'nodes that went silent',
    check: 'bus',
    status: 'warn',
    config: { buses: [BUS] },
    ports: () => agent({ nodes: NODES }),
    finding: /1 of 7 nodes of rs485 is silent \(17\)/,
    remedy: /power/,
  },
  {
    what: 'a polkit that refuses',
    check: 'wifi',
    config: { wifi: { backend: 'auto' } },
    ports: () =>
      agent({
        wifi: { connection: null, credentialsSet: null, problem: 'The agent is not allowed to checkpoint.', reason: 'not_allowed' },
      }),
    finding: /not allowed/,
    remedy: /polkitd/,
  },
  {
    what: 'no NetworkManager, and no agent',
    check: 'wifi',
    config: { wifi: { backend: 'auto' } },
    ports: () => ({ wifiProblem: async () => ({ reason: 'not_running', message: 'It is down.', device: null }) }),
    finding: /NetworkManager is not running/,
    remedy: /systemctl enable --now NetworkManager/,
  },
  {
    what: 'a full disk',
    check: 'disk',
    ports: () => host({ disk: { totalBytes: 8e9, availableBytes: 1e6 } }),
    finding: /is full/,
    remedy: /vacuum/,
  },
  {
    what: 'a disk that fills up',
    check: 'disk',
    status: 'warn',
    ports: () => host({ disk: { totalBytes: 8e9, availableBytes: 2e7 } }),
    finding: /nearly full/,
    remedy: /df -h/,
  },
  {
    what: 'memory that runs out',
    check: 'memory',
    ports: () => host({ memory: { totalBytes: 5e8, availableBytes: 1e7, agentRssBytes: null } }),
    finding: /only 10 MB/,
    remedy: /ps aux/,
  },
  {
    what: 'an agent that grows',
    check: 'memory',
    status: 'warn',
    ports: () => agent({ status: { ...HEALTHY, agent: { ...HEALTHY.agent, rssBytes: 240_000_000 } } }),
    finding: /240 MB/,
    remedy: /bundle/,
  },
  {
    what: 'a watchdog that had to end the agent',
    check: 'watchdog',
    ports: () => ({
      service: async () => ({ ...RUNNING, restarts: 2 }),
      journal: async ({ only }, onLine) => {
        if (only?.field !== 'UNIT_RESULT') return false;
        for (const result of ['exit-code', 'watchdog']) onLine(result);
        return true;
      },
    }),
    finding: /watchdog ended the agent 1 times/,
    remedy: /bundle/,
  },
  {
    what: 'an agent that is started again and again',
    check: 'watchdog',
    status: 'warn',
    ports: () => ({
      service: async () => ({ ...RUNNING, restarts: 7, exitStatus: 70 }),
      journal: async () => false,
    }),
    finding: /again 7 times/,
    remedy: /logs/,
  },
  {
    what: 'an agent older than what is installed',
    check: 'version',
    status: 'warn',
    ports: () => agent({}),
    finding: /runs 1\.2\.3/,
    remedy: /restart/,
  },
];

async function examine(rig: Rig, checks: string, changes: Partial<DoctorPorts> = {}): Promise<CheckResult[]> {
  const etc = join(rig.folder, 'etc');
  const places = await locate(
    { config: join(etc, 'agent.json'), identity: join(etc, 'identity.json') },
    { env: {}, files: createFiles(), paths: createPaths() },
  );
  const ports: DoctorPorts = {
    ...bareMachine(rig.folder),
    client: createAgentClient(places.socketPath),
    places,
    ...changes,
  };
  return runDoctor(ports, checks.split(','), () => {});
}

/** An address of its own on the loopback: nobody else listens there. */
const OWN_ADDRESS = `127.83.${process.pid & 0xff}.${1 + (Date.now() % 250)}`;
const LISTENS = await canListen(443, OWN_ADDRESS);
const MOUNTS = await canMount();

describe.concurrent('the doctor finds', () => {
  test.each(FAULTS)('$what', async ({ check, status = 'fail', finding, remedy, config = {}, line = false, make, ports }) => {
    await using rig = await createRig({ config, ...(line && { peripherals: [] }) });
    await make?.(rig, join(rig.folder, 'etc'));
    const results = await examine(rig, check, await ports?.(rig));
    const found = results.filter((result) => result.status === status);
    expect(results, JSON.stringify(results)).toContainEqual(expect.objectContaining({ check, status }));
    expect(found.map((result) => result.finding).join('\n')).toMatch(finding);
    expect(found.map((result) => result.remedy).join('\n')).toMatch(remedy);
    expect(found[0]!.why).not.toBe('');
  });

  test('a clock at 1970 before all else, and the certificate as its consequence, without a remedy of its own', async () => {
    await using rig = await createRig();
    const [clock, certificate] = await examine(rig, 'certificate,clock', at('1970-01-01T01:00:00Z'));
    expect(clock).toMatchObject({ check: 'clock', status: 'fail', code: 'clock_before_build', remedy: expect.stringMatching(/set-ntp/) });
    const causedBy = { check: 'clock', code: 'clock_before_build' };
    expect(certificate).toMatchObject({ check: 'certificate', status: 'fail', code: 'certificate_not_yet_valid', causedBy });
  });

  describe.runIf(MOUNTS)('of file systems', () => {
    test.each([
      { what: 'a read-only disk', options: 'ro,size=16m', finding: /is read-only/, remedy: /remount,rw/ },
      { what: 'a disk that is really full', options: 'size=1m', finding: /is full/, remedy: /vacuum/ },
    ])('$what', async ({ options, finding, remedy }) => {
      await using rig = await createRig();
      const folder = join(rig.folder, 'state');
      await mkdir(folder, { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', '-o', `${options},mode=700`, 'tmpfs', folder]);
      try {
        const [result] = await examine(rig, 'disk');
        expect(result).toMatchObject({ status: 'fail', finding: expect.stringMatching(finding), remedy: expect.stringMatching(remedy) });
      } finally {
        execFileSync('umount', [folder]);
      }
    });
  });

  test.runIf(LISTENS)('8883 blocked while 443 is open', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(443, OWN_ADDRESS, resolve));
    try {
      await using rig = await createRig({ config: { cloud: { endpoint: OWN_ADDRESS, port: 8883 } } });
      const [result] = await examine(rig, 'port');
      expect(result).toMatchObject({ status: 'warn', finding: expect.stringMatching(/8883; port 443 is open, the agent uses it/) });
      expect(result!.remedy).not.toBeNull();
    } finally {
      server.close();
    }
  });

  // How long a person waits is a figure: npm run bench -- hubctl.
  test('a port that a firewall drops, also while the agent hangs', async () => {
    await using hole = await blackHole();
    await using rig = await createRig({ config: { cloud: { port: hole.port } } });
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(join(rig.folder, 'control.sock'), resolve));
    const terminal = createFakeTerminal();
    const argv = ['cloud', 'ping', '--json', ...placesOf(rig)];
    const [[result], code] = await Promise.all([examine(rig, 'port'), hubctl(argv, terminal, bareMachine(rig.folder))]);
    expect(result).toMatchObject({ status: 'fail', finding: expect.stringMatching(/does not answer on port \d+: a firewall/) });
    expect(result!.remedy).toContain(`Open outgoing TCP ${hole.port}`);
    expect(code).toBe(75);
    expect(terminal.json()).toMatchObject({ tcp: { ok: false }, agentProblem: expect.stringContaining('does not answer within') });
    server.close();
  });

  test('a real line at another baud rate, which is silent', async () => {
    await using rig = await createRig({ peripherals: [{ address: 0 }], baudRate: 115200 });
    const bus = { ...BUS, path: '../rs485', baudRate: 9600, addresses: [0] };
    const etc = join(rig.folder, 'etc');
    const config = JSON.parse(await readFile(join(etc, 'agent.json'), 'utf8'));
    await writeFile(join(etc, 'agent.json'), JSON.stringify({ ...config, buses: [bus] }));
    await rig.startAgent().waitFor('scan_complete');
    const [result] = await examine(rig, 'bus');
    expect(result).toMatchObject({ status: 'fail', finding: expect.stringMatching(/another baud rate \(now 9600\)/) });
    expect(result!.remedy).toContain('"auto"');
  });

  test('nothing wrong on the way of a hub that is right, and changes nothing there', async () => {
    await using rig = await createRig();
    const before = JSON.stringify(rig.iotCore.shadow(rig.hubId).get());
    const checks = ['config', 'certificate', 'dns', 'port', 'tls', 'mqtt', 'topics'];
    expect(await examine(rig, checks.join(','))).toMatchObject(checks.map((check) => ({ check, status: 'ok' })));
    expect(JSON.stringify(rig.iotCore.shadow(rig.hubId).get())).toBe(before);
    expect(rig.iotCore.retained(`hubs/${rig.hubId}/presence`)).toBeNull();
  });

  test('the topics of jobs, without beginning the job that waits', async () => {
    await using rig = await createRig({ config: { update: { jobs: true } } });
    rig.iotCore.jobs.create({ jobId: 'j1', thingName: rig.hubId, document: { operation: 'dance' } });
    expect(await examine(rig, 'topics')).toMatchObject([{ status: 'ok' }]);
    expect(rig.iotCore.jobs.execution('j1')?.status).toBe('QUEUED');
  });

  test('a topic of jobs that the policy refuses', async () => {
    await using rig = await createRig({ config: { update: { jobs: true } } });
    rig.iotCore.faults.denyPublish(`$aws/things/${rig.hubId}/jobs/start-next`);
    expect((await examine(rig, 'topics'))[0]).toMatchObject({
      status: 'fail',
      finding: expect.stringMatching(/jobs\/start-next is refused/),
    });
  });

  test('the way over the second port, again after each refusal', async () => {
    const config = (iotCore: IotCore) => ({ cloud: { port: 1, fallbackPort: iotCore.port } });
    await using rig = await createRig({ config });
    rig.iotCore.faults.denySubscribe(`$aws/things/${rig.hubId}/shadow/update/delta`);
    const results = await examine(rig, 'port,mqtt,topics');
    expect(results).toMatchObject([
      { check: 'port', status: 'warn', finding: expect.stringContaining(`port ${rig.iotCore.port} is open, the agent uses it`) },
      { check: 'mqtt', status: 'ok' },
      { check: 'topics', status: 'fail', finding: expect.stringMatching(/update\/delta is refused/) },
    ]);
  });

  test('a way that ends after a refusal, and names what was not tried', async () => {
    await using rig = await createRig();
    rig.iotCore.faults.denySubscribe(`$aws/things/${rig.hubId}/shadow/get/`);
    rig.iotCore.onEvent(({ kind }) => kind === 'disconnected' && rig.iotCore.faults.refuseConnect(0x97));
    const results = await examine(rig, 'topics');
    expect(results).toMatchObject([
      { status: 'fail', finding: expect.stringMatching(/shadow\/get\/\+ is refused/) },
      { status: 'skipped', finding: expect.stringMatching(/not tried after that: .*update\/accepted.*last will/) },
    ]);
  });

  test('the address that answers, when the first one of the name does not', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const opened = await openTcp(createMonotonicClock(), ['127.0.0.2', '127.0.0.1'], port);
    expect(opened).toMatchObject({ ok: true });
    if (opened.ok) opened.value.destroy();
    expect(await openTcp(createMonotonicClock(), ['127.0.0.2', '127.0.0.3'], port)).toMatchObject({ ok: false, code: 'ECONNREFUSED' });
    server.close();
  });

  test.each([
    ['before', ['127.0.0.1', '127.0.0.2']],
    ['after', ['127.0.0.2', '127.0.0.1']],
  ])('a refusal, though another address of the name is silent, asked %s it', async (_what, addresses) => {
    await using hole = await blackHole();
    expect(await openTcp(createMonotonicClock(), addresses, hole.port)).toMatchObject({ ok: false, code: 'ECONNREFUSED' });
  });

  test('an agent that comes back meanwhile, and leaves it the session', async () => {
    await using rig = await createRig();
    const etc = (name: string) => readFile(join(rig.folder, 'etc', name), 'utf8');
    const [certificate, privateKey] = await Promise.all([etc('certificate.pem'), etc('private.key')]);
    const { host, port } = rig.iotCore;
    const identity = { host, port, caCertificate: rig.pki.caCertificate, credentials: { certificate, privateKey } };
    const events: string[] = [];
    rig.iotCore.onEvent(({ kind }) => events.push(kind));
    // Holds the doctor up until the other one is there.
    rig.iotCore.faults.losePubacks(1, `hubs/${rig.hubId}/commands/`);
    const examined = examine(rig, 'mqtt,topics');
    await rig.until('the doctor is connected', () => rig.iotCore.connections().length > 0);
    await sleep(CONNECT_GAP_MS);
    const other = await openRawClient(identity);
    await other.connect({ clientId: rig.hubId, keepalive: 0 });
    expect(await examined).toMatchObject([
      { check: 'mqtt', status: 'ok' },
      { check: 'topics', status: 'skipped', finding: expect.stringMatching(/not tried: .*commands\/hubctl\/result.*last will/) },
    ]);
    expect(events.filter((kind) => kind === 'connected')).toHaveLength(2);
    expect(rig.iotCore.connections()).toEqual([rig.hubId]);
    other.destroy();
  });

  test('no refusal in a link that falls once', async () => {
    await using rig = await createRig();
    let falls = 1;
    rig.iotCore.onMessage(`hubs/${rig.hubId}/presence`, () => {
      if (falls-- > 0) rig.iotCore.faults.drop(rig.hubId);
    });
    const results = await examine(rig, 'topics');
    expect(results.filter(({ status }) => status === 'fail')).toEqual([]);
  });

  test('a policy without a last will', async () => {
    await using rig = await createRig();
    rig.iotCore.onEvent(({ kind }) => kind === 'disconnected' && rig.iotCore.faults.refuseConnect(0x87));
    expect(await examine(rig, 'topics')).toMatchObject([
      { status: 'fail', finding: expect.stringMatching(/LastWill\) on hubs\/.*\/presence is refused/) },
    ]);
  });

  test('no fault in a policy that allows all, and takes its own will back', async () => {
    await using rig = await createRig();
    const wills: string[] = [];
    rig.iotCore.onMessage(`hubs/${rig.hubId}/presence`, ({ payload }) => wills.push(String(payload)));
    expect(await examine(rig, 'topics')).toMatchObject([
      { status: 'ok', finding: expect.stringContaining('not tried: iot:RetainPublish') },
    ]);
    // The one that was published to see whether it may be.
    expect(wills).toHaveLength(1);
  });

  test.each([
    ['whose sockets are all in use', 'busy', undefined],
    ['whose socket is gone', 'gone', 'active'],
    ['between two starts', 'gone', 'activating'],
  ])('an agent %s, and leaves its session alone', async (_what, kind, activeState) => {
    await using rig = await createRig();
    const server = createServer();
    server.maxConnections = 1;
    const held: Socket[] = [];
    if (kind === 'busy') {
      const path = join(rig.folder, 'control.sock');
      await new Promise<void>((resolve) => server.listen(path, resolve));
      held.push(connect(path));
      await new Promise((resolve) => server.once('connection', resolve));
    }
    const connected: string[] = [];
    rig.iotCore.onEvent(({ kind: event }) => connected.push(event));
    const service = async () => (activeState ? { ...RUNNING, activeState } : null);
    const results = await examine(rig, 'agent,mqtt,topics', { service });
    expect(results).toMatchObject([
      { check: 'agent', status: 'fail' },
      { check: 'mqtt', status: 'skipped', finding: expect.stringContaining('end the session') },
      { check: 'topics', status: 'skipped' },
    ]);
    const terminal = createFakeTerminal();
    const argv = ['cloud', 'ping', '--json', ...placesOf(rig)];
    expect(await hubctl(argv, terminal, { ...bareMachine(rig.folder), service })).toBe(kind === 'busy' ? 75 : 69);
    expect(terminal.json()).toMatchObject({ reached: false, tls: { ok: true }, connack: null, agentProblem: expect.any(String) });
    expect(connected).not.toContain('connected');
    for (const socket of held) socket.destroy();
    server.close();
  });

  test('an agent that hangs, and leaves its session alone', async () => {
    await using rig = await createRig();
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(join(rig.folder, 'control.sock'), resolve));
    const etc = join(rig.folder, 'etc');
    const terminal = createFakeTerminal();
    const connected: string[] = [];
    rig.iotCore.onEvent(({ kind }) => connected.push(kind));
    const argv = [
      'doctor',
      '--json',
      '--check',
      'agent,mqtt',
      '--config',
      join(etc, 'agent.json'),
      '--identity',
      join(etc, 'identity.json'),
    ];
    expect(await hubctl(argv, terminal, bareMachine(rig.folder))).toBe(1);
    expect(terminal.json()).toMatchObject({
      checks: [
        { check: 'agent', status: 'fail', finding: 'it runs and does not answer' },
        { check: 'mqtt', status: 'skipped' },
      ],
    });
    expect(connected).not.toContain('connected');
    server.close();
  });

  test('a serial port that another program holds, and who it is', async () => {
    const rig = await createRig({ config: { buses: [BUS] } });
    const port = await createVirtualPort({ link: join(rig.folder, 'etc', 'tty') });
    const handle = await open(port.path, 'r+');
    const thief = spawn('sleep', ['60'], { stdio: [handle.fd, 'ignore', 'ignore'] });
    try {
      await handle.close();
      const [result] = await examine(rig, 'serial');
      expect(result).toMatchObject({ status: 'fail', finding: expect.stringContaining(`sleep (pid ${thief.pid})`) });
      // The twin's own holder of the port is found too.
      expect(result!.remedy).toMatch(new RegExp(`kill [\\d ]*\\b${thief.pid}\\b`));
    } finally {
      thief.kill();
      await port.close();
      await rig.dispose();
    }
  });

  test.each([
    ['while the agent is down', undefined, 'fail'],
    ['while the agent hangs, as the agent itself', silentAgent('hung'), 'ok'],
  ])('a serial port that a Node program holds, %s', async (_what, ports, status) => {
    await using rig = await createRig({ config: { buses: [BUS] } });
    const port = await createVirtualPort({ link: join(rig.folder, 'etc', 'tty') });
    const handle = await open(port.path, 'r+');
    const code = 'setTimeout(() => {}, 60_000); process.send("up")';
    const thief = spawn(process.execPath, ['-e', code], { stdio: [handle.fd, 'ignore', 'inherit', 'ipc'] });
    try {
      await new Promise((resolve) => thief.once('message', resolve));
      await handle.close();
      const [result] = await examine(rig, 'serial', { ...ports, isRoot: true });
      expect(result).toMatchObject({ status });
      expect(result!.finding.includes(`(pid ${thief.pid})`)).toBe(status === 'fail');
    } finally {
      thief.kill();
      await port.close();
    }
  });
});
