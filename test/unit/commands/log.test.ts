import { expect, test } from 'vitest';
import { HubError } from '../../../agent/system/errors.ts';
import { createRig } from './rig.ts';

const SECRET = 'correct horse battery';

test('the log says why a command was not done, as a warning without a secret', async () => {
  const rig = createRig();
  await rig.service.start();
  await rig.connect();
  await rig.send('reboot');
  await rig.send('set_wifi_credentials', { ssid: 'Home', credentials: 'short' });
  await rig.send({ set_wifi_credentials: { ssid: 'Home', credentials: 'short' } });
  await rig.send('set_wifi_credentials', { ssid: 'Home', credentials: SECRET });
  rig.runs.at(-1)!.fail(new HubError('wifi_authentication_failed', 'The password is wrong.'));
  await rig.settle();
  const answered = rig.log.lines.filter(({ event }) => event === 'command_answered');
  expect(answered).toMatchObject([
    { level: 'warn', status: 'REJECTED', code: 'unknown_command', reason: expect.stringContaining("'reboot'") },
    { level: 'warn', status: 'REJECTED', code: 'invalid_args', reason: expect.stringMatching(/credentials must be 8 to 63/) },
    { level: 'warn', status: 'REJECTED', code: 'unknown_command' },
    { level: 'warn', status: 'FAILED', code: 'wifi_authentication_failed', reason: 'The password is wrong.' },
  ]);
  expect(JSON.stringify(rig.log.lines)).not.toMatch(new RegExp(`short|${SECRET}`));
});
