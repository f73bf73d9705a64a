import { expect, test } from 'vitest';
import { pathFor } from '../../../../agent/config/credential-paths.ts';
import { settingsOf } from '../../../../agent/hubctl/machine/settings.ts';

const places = {
  configPath: '/etc/hub-agent/agent.json',
  identityPath: '/etc/hub-agent/identity.json',
  socketPath: '/run/x',
  stateDirectory: '/var/lib/x',
  credentialsDirectory: '/run/credentials/hub',
  config: {
    cloud: { endpoint: 'x.amazonaws.com', caPath: 'ca.pem' },
    buses: [{ id: 'rs485', path: '/dev/ttyUSB0', keysPath: 'credential:keys_rs485.json' }, { id: 7 }, null],
    commands: { intake: ['executions'] },
  },
  identity: { hubId: 'h', certificatePath: 'credential:certificate.pem', privateKeyPath: 'keys/private.pem' },
};

test('follows what can be understood of a configuration, right or wrong', () => {
  expect(settingsOf(places)).toEqual({
    endpoint: 'x.amazonaws.com',
    port: 8883,
    fallbackPort: 443,
    thingName: 'h',
    shadowName: null,
    executions: true,
    jobs: false,
    certificatePath: '/run/credentials/hub/certificate.pem',
    privateKeyPath: '/etc/hub-agent/keys/private.pem',
    caPath: '/etc/hub-agent/ca.pem',
    buses: [{ id: 'rs485', protocol: 'osdp', path: '/dev/ttyUSB0', baudRate: '9600', keysPath: '/run/credentials/hub/keys_rs485.json' }],
    wifi: { backend: 'auto', interface: null },
  });
  expect(settingsOf({ ...places, config: {}, identity: {} })).toMatchObject({
    endpoint: null,
    thingName: null,
    buses: [],
    caPath: null,
  });
});

test('finds credentials at their source while the service does not run', () => {
  const settings = settingsOf({ ...places, credentialsDirectory: '/etc/hub-agent' });
  expect(settings.certificatePath).toBe('/etc/hub-agent/certificate.pem');
  expect(settings.buses[0]?.keysPath).toBe('/etc/hub-agent/keys/rs485.json');
  expect(pathFor('/etc/hub-agent', '/x/agent.json', 'credential:keys_rs485.json')).toBe('/etc/hub-agent/keys/rs485.json');
  expect(pathFor('/etc/hub-agent', '/x/agent.json', 'keys/rs485.json')).toBe('/x/keys/rs485.json');
});

test.each([
  [{}, 8883, 443],
  [{ fallbackPort: null }, 8883, null],
  [{ fallbackPort: 8443 }, 8883, 8443],
  [{ port: 443 }, 443, null],
  [{ port: 443, fallbackPort: 8883 }, 443, 8883],
  [{ port: 443, fallbackPort: 443 }, 443, null],
])('knows the ports to which the agent goes: %j', (cloud, port, fallbackPort) => {
  expect(settingsOf({ ...places, config: { cloud } })).toMatchObject({ port, fallbackPort });
});
