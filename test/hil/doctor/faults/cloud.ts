import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { HEALTHY } from '../../../unit/hubctl/fixtures.ts';
import { agent } from '../agents.ts';
import { at, type Fault, host } from '../examine.ts';
import { tlsServer } from '../servers.ts';

const connack = (what: string, reason: number, finding: RegExp, remedy: RegExp): Fault => ({
  what: `a CONNECT that is refused: ${what}`,
  check: 'mqtt',
  make: (rig) => rig.iotCore.faults.refuseConnect(reason),
  finding,
  remedy,
});

/** Faults of the way to the cloud, from the clock to the topics, and what the doctor must say of each. */
export const CLOUD_FAULTS: readonly Fault[] = [
  {
    what: 'a certificate that is none',
    check: 'certificate',
    make: (_rig, etc) => writeFile(join(etc, 'certificate.pem'), 'PK\u0003\u0004'),
    finding: /not a certificate in PEM/,
    remedy: /Convert/,
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
    make: async (rig, etc, foreign) => {
      const validity = { notBefore: new Date(Date.now() - 1_000), notAfter: new Date(Date.now() + 5.5 * 86_400_000) };
      await writeFile(join(etc, 'certificate.pem'), (await foreign.issueClient(rig.hubId, validity)).certificate);
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
    what: 'two ports where nobody listens',
    check: 'port',
    config: { cloud: { port: 1, fallbackPort: 2 } },
    finding: /refuses connections on port 1\n.*refuses connections on port 2/,
    remedy: /cloud\.port/,
  },
  {
    what: 'a port where nobody listens',
    check: 'port',
    config: { cloud: { port: 1 } },
    finding: /refuses connections on port 1/,
    remedy: /cloud\.port/,
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
    what: 'a server with a certificate for another name',
    check: 'tls',
    make: async (rig, etc, foreign) => tlsServer(rig, etc, foreign, await foreign.issueServer(['other.example'])),
    finding: /certificate for another name/,
    remedy: /cloud\.endpoint/,
  },
  {
    what: 'a server whose certificate has expired',
    check: 'tls',
    make: async (rig, etc, foreign) => {
      const past = { notBefore: new Date(Date.now() - 20 * 86_400_000), notAfter: new Date(Date.now() - 86_400_000) };
      await tlsServer(rig, etc, foreign, await foreign.issueClient('server', past));
    },
    finding: /server's certificate counts as expired/,
    remedy: /timedatectl/,
  },
  {
    what: 'a private key of another certificate',
    check: 'tls',
    make: async (_rig, etc, foreign) => writeFile(join(etc, 'private.key'), (await foreign.issueClient('other')).privateKey),
    finding: /does not belong to the certificate/,
    remedy: /made together/,
  },
  {
    what: 'a CA that did not sign the cloud',
    check: 'tls',
    make: (_rig, etc, foreign) => writeFile(join(etc, 'ca.pem'), foreign.caCertificate),
    finding: /cloud\.caPath did not sign/,
    remedy: /Amazon Root CA/,
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
  connack('the client id', 0x85, /client id is refused \(0x85\)/, /thing name/),
  connack('the service', 0x88, /service is not available \(0x88\)/, /Health Dashboard/),
  connack('a quota', 0x97, /quota is exceeded \(0x97\)/, /second client/),
  connack('the rate', 0x9f, /too many connects in a second \(0x9f\)/, /Wait a minute/),
  connack('something else', 0x83, /refuses the connection \(0x83\)/, /CloudWatch/),
  {
    what: 'a certificate that the cloud does not know',
    check: 'mqtt',
    make: async (rig, etc, foreign) => {
      const { certificate, privateKey } = await foreign.issueClient(rig.hubId);
      await Promise.all([writeFile(join(etc, 'certificate.pem'), certificate), writeFile(join(etc, 'private.key'), privateKey)]);
    },
    // Node's TLS server cannot say no with an alert; a server that does is in hubctl-refused.test.ts.
    finding: /closes the connection instead of answering CONNECT/,
    remedy: /ACTIVE/,
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
    what: 'a topic that the running agent was refused',
    check: 'topics',
    ports: () => agent({ status: { ...HEALTHY, cloud: { ...HEALTHY.cloud, leftOut: ['result_publish'] } } }),
    finding: /result_publish/,
    remedy: /policy/,
  },
];
