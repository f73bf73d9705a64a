import { expect, test } from 'vitest';
import { checkUsable, findDevice } from '../../../../agent/wifi/networkmanager/device.ts';
import {
  DEVICE_STATE,
  type NetworkManager,
  NetworkManagerError,
  POLKIT_ACTION,
} from '../../../../agent/wifi/networkmanager/network-manager.ts';
import { wifiProblemOf } from '../../../../agent/wifi/networkmanager/unusable.ts';

const DEVICE = { path: '/Devices/2', interfaceName: 'wlan1', state: DEVICE_STATE.activated, autoconnect: true };
const SILENCE = new NetworkManagerError('no_reply', 'GetPermissions did not answer');

/** NetworkManager whose answers to "what may I not do?" come in this order; the last one stays. */
function manager(...answers: (string[] | Error)[]): { manager: NetworkManager; asked: () => number } {
  let asked = 0;
  const missingPermissions = async () => {
    const answer = answers[Math.min(asked++, answers.length - 1)]!;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const radio = async () => ({ hardwareEnabled: true, softwareEnabled: true });
  return { manager: { missingPermissions, radio } as unknown as NetworkManager, asked: () => asked };
}

test('all is allowed: asked once', async () => {
  const { manager: nm, asked } = manager([POLKIT_ACTION.scan]);
  await checkUsable(nm, DEVICE);
  expect(asked()).toBe(1);
});

test.each([
  ['a silence', SILENCE],
  ['a denial', [POLKIT_ACTION.checkpoint]],
])('%s of polkit that is none the second time does not count', async (_what, first) => {
  await checkUsable(manager(first, []).manager, DEVICE);
});

test('what stays denied is told, with its remedy', async () => {
  const denied = manager([POLKIT_ACTION.checkpoint]);
  await expect(checkUsable(denied.manager, DEVICE)).rejects.toMatchObject({
    code: 'wifi_unavailable',
    reason: 'not_allowed',
    device: 'wlan1',
    message: expect.stringContaining('50-hub-agent.rules'),
  });
  expect(denied.asked()).toBe(2);
});

test('what stays silent is told; another failure is not asked again', async () => {
  await expect(checkUsable(manager(SILENCE).manager, DEVICE)).rejects.toBe(SILENCE);
  const gone = new NetworkManagerError('not_running', 'gone');
  const left = manager(gone, []);
  await expect(checkUsable(left.manager, DEVICE)).rejects.toBe(gone);
  expect(left.asked()).toBe(1);
});

test.each([
  ['no device', [], null, { reason: 'no_device', device: null }],
  ['not the configured one', [], 'wlan0', { reason: 'other_device', device: 'wlan0' }],
  ['another than the configured one', [DEVICE], 'wlan0', { reason: 'other_device', device: 'wlan0' }],
])('%s is a reason, not only a text', async (_what, devices, interfaceName, problem) => {
  const nm = { wifiDevices: async () => devices } as unknown as NetworkManager;
  const error = await findDevice(nm, interfaceName).catch((thrown: unknown) => thrown);
  expect(wifiProblemOf(error)).toMatchObject(problem);
});

test.each([
  [{ hardwareEnabled: false, softwareEnabled: false }, DEVICE_STATE.activated, 'radio_hardware'],
  [{ hardwareEnabled: true, softwareEnabled: false }, DEVICE_STATE.activated, 'radio_software'],
  [{ hardwareEnabled: true, softwareEnabled: true }, DEVICE_STATE.unmanaged, 'unmanaged'],
  [{ hardwareEnabled: true, softwareEnabled: true }, DEVICE_STATE.unavailable, 'not_ready'],
])('%j in state %i: %3$s', async (radio, state, reason) => {
  const nm = { missingPermissions: async () => [], radio: async () => radio } as unknown as NetworkManager;
  const error = await checkUsable(nm, { ...DEVICE, state }).catch((thrown: unknown) => thrown);
  expect(wifiProblemOf(error)).toMatchObject({ reason, device: 'wlan1' });
});

test('a failed call, and what is no error of ours, are reasons too', () => {
  expect(wifiProblemOf(new NetworkManagerError('not_running', 'gone'))).toEqual({ reason: 'not_running', message: 'gone', device: null });
  expect(wifiProblemOf(new NetworkManagerError('permission_denied', 'no'))).toMatchObject({ reason: 'not_allowed' });
  expect(wifiProblemOf(new TypeError('x'))).toMatchObject({ reason: 'failed' });
});
