import { expect, test } from 'vitest';
import { MAX_REMEMBERED } from '../../../agent/commands/lifecycle/entry.ts';
import type { LastCommand } from '../../../agent/contract/shadow.ts';
import { HubError } from '../../../agent/system/errors.ts';
import { createRig, STATE, topics } from './rig.ts';

const WIFI = { ssid: 'Home', credentials: 'correct horse battery' };
const statuses = (reports: LastCommand[]) => reports.map(({ status }) => status);

test('a command is journaled, cleared, run and answered, in this order', async () => {
  const rig = createRig();
  await rig.service.start();
  await rig.connect();
  let journaledAtClear = false;
  rig.cloud.onRequest = (name) => {
    if (name === 'clear') journaledAtClear = [...rig.files.content.keys()].some((path) => path.startsWith(`${STATE}/commands/shadow-`));
  };
  await rig.send('set_wifi_credentials', WIFI);
  expect(journaledAtClear).toBe(true);
  expect(rig.cloud.desired).toEqual({});
  expect(rig.cloud.lastCommand?.status).toBe('IN_PROGRESS');
  expect(rig.runs).toHaveLength(1);
  rig.runs[0]!.succeed({ ssid: 'Home' });
  await rig.settle();
  expect(statuses(rig.cloud.reports)).toEqual(['IN_PROGRESS', 'SUCCEEDED']);
  expect(rig.cloud.published.map(({ topic }) => topic)).toEqual([topics.commandResult(rig.cloud.lastCommand!.id)]);
  await rig.service.idle();
});

test('no credentials reach the disk, the log or the cloud', async () => {
  const rig = createRig();
  await rig.service.start();
  await rig.connect();
  await rig.send('set_wifi_credentials', WIFI);
  rig.runs[0]!.fail(new HubError('wifi_authentication_failed', 'The network refused the password.'));
  await rig.settle();
  const told = JSON.stringify([rig.files.writes.map(({ data }) => data.toString()), rig.log.lines, rig.cloud.reports, rig.cloud.published]);
  expect(told).toContain('wifi_authentication_failed');
  expect(told).not.toContain(WIFI.credentials);
});

test('what stood in the shadow while the hub was off is taken on connect, without a delta', async () => {
  const rig = createRig({ quick: true });
  rig.cloud.send('get_nodes', {});
  await rig.service.start();
  await rig.connect();
  expect(rig.cloud.lastCommand?.status).toBe('SUCCEEDED');
});

test('a command older than its time to live, by the clock of the cloud alone, is answered and never run', async () => {
  const rig = createRig({ quick: true });
  rig.cloud.send('get_nodes', {});
  rig.cloud.nowSeconds += 301;
  await rig.service.start();
  await rig.connect();
  expect(rig.cloud.lastCommand).toMatchObject({ status: 'TIMED_OUT', error: { code: 'expired' } });
  expect(rig.cloud.desired).toEqual({});
  expect(rig.runs).toHaveLength(0);
});

test('a conflict makes the hub look again before it decides', async () => {
  const rig = createRig({ quick: true });
  await rig.service.start();
  await rig.connect();
  let moved = false;
  rig.cloud.onRequest = (name) => {
    if (name === 'clear' && !moved) {
      moved = true;
      rig.cloud.version += 1;
    }
  };
  await rig.send('get_nodes', {});
  expect(rig.runs).toHaveLength(1);
  expect(rig.cloud.lastCommand?.status).toBe('SUCCEEDED');
});

test('a result waits for the link and is delivered after the reconnect', async () => {
  const rig = createRig();
  await rig.service.start();
  await rig.connect();
  await rig.send('get_nodes', {});
  await rig.disconnect();
  rig.runs[0]!.succeed({ total: 3 });
  await rig.settle();
  expect(rig.cloud.lastCommand?.status).toBe('IN_PROGRESS');
  await rig.connect();
  expect(rig.cloud.lastCommand).toMatchObject({ status: 'SUCCEEDED', result: { total: 3 } });
});

test('a result that the last process left on disk is delivered by the next, and nothing runs twice', async () => {
  const first = createRig();
  await first.service.start();
  await first.connect();
  await first.send('set_wifi_credentials', WIFI);
  await first.disconnect();
  first.runs[0]!.succeed({ ssid: 'Home' });
  await first.settle();
  const next = createRig({ cloud: first.cloud, files: first.files });
  await next.service.start();
  await next.connect();
  expect(next.runs).toHaveLength(0);
  expect(next.cloud.lastCommand).toMatchObject({ status: 'SUCCEEDED', result: { ssid: 'Home' } });
});

test('a delivery that the cloud refuses is tried again with growing pauses', async () => {
  const rig = createRig({ quick: true });
  await rig.service.start();
  await rig.connect();
  const at: number[] = [];
  rig.cloud.onRequest = (name) => {
    if (name !== 'publish') return;
    at.push(rig.clock.nowMs());
    if (at.length < 9) throw new HubError('shadow_throttled', 'Too many requests');
  };
  await rig.send('get_nodes', {});
  await rig.clock.advance(600_000);
  const pauses = at.slice(1).map((time, index) => time - at[index]!);
  expect(at).toHaveLength(9);
  expect(pauses[0]).toBeLessThanOrEqual(2_000);
  expect(pauses[0]).toBeGreaterThanOrEqual(1_000);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(60_000);
  expect(pauses.at(-1)).toBeGreaterThanOrEqual(30_000);
  expect(rig.cloud.lastCommand?.status).toBe('SUCCEEDED');
});

test('pages that were taken are not published again while the state that announces them is refused', async () => {
  const rig = createRig({ quick: true });
  await rig.service.start();
  await rig.connect();
  let refusing = true;
  rig.cloud.onRequest = (name) => {
    if (name === 'report' && refusing) throw new HubError('shadow_throttled', 'Too many requests');
  };
  await rig.send('get_nodes', {});
  await rig.clock.advance(300_000);
  expect(rig.cloud.published).toHaveLength(1);
  refusing = false;
  await rig.clock.advance(60_000);
  expect(rig.cloud.lastCommand?.status).toBe('SUCCEEDED');
  // Nobody knows what reached whom over a link that fell: on the next one all is said again.
  expect(rig.cloud.published).toHaveLength(1);
});

test('a shadow that cannot be read is read again with growing pauses', async () => {
  const rig = createRig();
  await rig.service.start();
  const at: number[] = [];
  rig.cloud.onRequest = (name) => {
    if (name !== 'read') return;
    at.push(rig.clock.nowMs());
    throw new HubError('cloud_refused', '403');
  };
  await rig.connect();
  await rig.clock.advance(3_600_000);
  expect(at.length).toBeLessThanOrEqual(130);
  expect(at[1]! - at[0]!).toBeLessThanOrEqual(2_000);
});

test('without the shadow as an intake, what stands there is left alone, also after a reconnect', async () => {
  const rig = createRig({ quick: true, shadowIntake: false });
  await rig.service.start();
  await rig.connect();
  await rig.send('get_nodes', {});
  await rig.disconnect();
  await rig.connect();
  expect(rig.runs).toHaveLength(0);
  expect(rig.cloud.desired).toEqual({ command: 'get_nodes', args: {} });
});

test('a reconnect ends the pause before the next delivery', async () => {
  const rig = createRig({ quick: true });
  await rig.service.start();
  await rig.connect();
  let refusing = true;
  rig.cloud.onRequest = (name) => {
    if (name === 'publish' && refusing) throw new HubError('cloud_timeout', 'no PUBACK');
  };
  await rig.send('get_nodes', {});
  await rig.disconnect();
  refusing = false;
  await rig.connect();
  expect(rig.cloud.lastCommand?.status).toBe('SUCCEEDED');
  expect(rig.clock.timers).toBe(0);
});

test('answers of a link that has ended change nothing on the next', async () => {
  const rig = createRig();
  await rig.service.start();
  let fail = (_error: Error) => {};
  rig.cloud.onRequest = (name) => (name === 'read' ? new Promise((_, reject) => (fail = reject)) : undefined);
  await rig.connect();
  const late = fail;
  await rig.disconnect();
  rig.cloud.onRequest = () => {};
  await rig.connect();
  late(new HubError('cloud_timeout', 'late'));
  await rig.settle();
  expect(rig.log.events()).not.toContain('shadow_read_failed');
  expect(rig.clock.timers).toBe(0);
});

test('on a full disk a command is answered and not run', async () => {
  const rig = createRig({ quick: true });
  await rig.service.start();
  await rig.connect();
  rig.files.full = true;
  await rig.send('set_wifi_credentials', WIFI);
  expect(rig.runs).toHaveLength(0);
  expect(rig.cloud.desired).toEqual({});
  expect(rig.cloud.lastCommand).toMatchObject({ status: 'FAILED', error: { code: 'internal' } });
  rig.files.full = false;
  rig.cloud.nowSeconds += 1;
  await rig.send('set_wifi_credentials', WIFI);
  expect(rig.cloud.lastCommand?.status).toBe('SUCCEEDED');
});

test('a delivered command that cannot be written down is forgotten, not answered again', async () => {
  const rig = createRig();
  await rig.service.start();
  await rig.connect();
  await rig.send('get_nodes', {});
  rig.files.full = true;
  rig.runs[0]!.succeed();
  await rig.settle();
  const { reports } = rig.cloud;
  const next = createRig({ cloud: rig.cloud, files: rig.files });
  next.files.full = false;
  await next.service.start();
  const before = reports.length;
  await next.connect();
  expect(reports).toHaveLength(before);
  expect(next.runs).toHaveLength(0);
});

test('an execution that was answered while the disk was full is not run again when its request comes once more, after a restart', async () => {
  const request = Buffer.from(JSON.stringify({ command: 'set_wifi_credentials', args: WIFI }));
  const rig = createRig();
  await rig.service.start();
  await rig.connect();
  rig.service.request('e-1', request);
  await rig.settle();
  rig.files.full = true;
  rig.runs[0]!.succeed();
  await rig.settle();
  expect(rig.service.entries()).toMatchObject([{ id: 'e-1', stage: 'delivered' }]);
  const next = createRig({ cloud: rig.cloud, files: rig.files });
  next.files.full = false;
  await next.service.start();
  await next.connect();
  next.service.request('e-1', request);
  await next.settle();
  expect(next.runs).toEqual([]);
  expect(next.service.entries()).toMatchObject([{ id: 'e-1', stage: 'delivered', outcome: null, args: null }]);
});

test('a change that the end of the process cut is not run again: what became of it is found out, and answered', async () => {
  const rig = createRig();
  await rig.service.start();
  await rig.connect();
  await rig.send('set_wifi_credentials', WIFI);
  const next = createRig({ cloud: rig.cloud, files: rig.files, traces: true });
  await next.service.start();
  await next.connect();
  expect(next.runs.map(({ command }) => command)).toEqual(['after the cut']);
  next.runs[0]!.succeed({ ssid: 'Home' });
  await next.settle();
  expect(rig.cloud.lastCommand).toMatchObject({ status: 'SUCCEEDED', result: { ssid: 'Home' } });
});

test('the journal remembers a bounded number of delivered commands, on disk as well', async () => {
  const rig = createRig({ quick: true });
  await rig.service.start();
  await rig.connect();
  for (let index = 0; index < MAX_REMEMBERED + 2; index += 1) {
    rig.cloud.nowSeconds += 1;
    await rig.send('get_nodes', { index });
  }
  const onDisk = [...rig.files.content.keys()].filter((path) => path.startsWith(`${STATE}/commands/`));
  const known = rig.service.entries().map(({ id }) => `${STATE}/commands/${id}.json`);
  expect(onDisk).toHaveLength(MAX_REMEMBERED);
  expect(onDisk.toSorted()).toEqual(known.toSorted());
});

test('of one command sixteen wait behind the running one, the next is busy', async () => {
  const rig = createRig();
  await rig.service.start();
  await rig.connect();
  for (let index = 0; index < 18; index += 1) await rig.send('get_nodes', { index });
  const busy = rig.cloud.reports.filter(({ status }) => status === 'REJECTED');
  expect(new Set(busy.map(({ id }) => id)).size).toBe(1);
  expect(busy[0]!.error?.code).toBe('busy');
  expect(rig.runs).toHaveLength(1);
  await rig.send('set_wifi_credentials', WIFI);
  expect(rig.runs.map(({ command }) => command)).toEqual(['get_nodes', 'set_wifi_credentials']);
});

test('requests of AWS IoT Commands are answered on their own topic, once each', async () => {
  const rig = createRig({ quick: true });
  await rig.service.start();
  await rig.connect();
  const request = (id: string, payload: string) => rig.service.request(id, Buffer.from(payload));
  request('e-1', JSON.stringify({ command: 'get_nodes', args: {} }));
  request('e-1', JSON.stringify({ command: 'get_nodes', args: {} }));
  request('e-2', '{"command": ');
  request('e-3', '[]');
  request('../e-4', '{}');
  await rig.settle();
  request('e-1', JSON.stringify({ command: 'get_nodes', args: {} }));
  await rig.settle();
  expect(rig.runs).toHaveLength(1);
  const answers = rig.cloud.published.filter(({ topic }) => topic.endsWith('/response/json'));
  expect(answers.map(({ topic, payload }) => [topic.split('/').at(-3), JSON.parse(payload).status])).toEqual([
    ['e-2', 'REJECTED'],
    ['e-3', 'REJECTED'],
    ['e-1', 'SUCCEEDED'],
  ]);
  expect(rig.cloud.reports).toHaveLength(0);
  expect(rig.log.events()).toContain('command_id_refused');
});

test('when too many answers wait, a request is refused without being kept, and it is told', async () => {
  const rig = createRig({ quick: true });
  await rig.service.start();
  await rig.connect();
  rig.cloud.onRequest = (name) => {
    if (name === 'publish') throw new HubError('cloud_timeout', 'no PUBACK');
  };
  for (let index = 0; index < 80; index += 1) {
    rig.service.request(`e-${index}`, Buffer.from('{"command":"get_nodes"}'));
    await rig.settle();
  }
  expect(rig.service.entries()).toHaveLength(64);
  expect(rig.log.events().filter((event) => event === 'command_dropped')).toHaveLength(16);
  await rig.send('get_nodes', {});
  expect(rig.cloud.desired).toEqual({ command: 'get_nodes', args: {} });
  rig.cloud.onRequest = () => {};
  await rig.clock.advance(120_000);
  expect(rig.cloud.desired).toEqual({});
  expect(rig.cloud.lastCommand?.status).toBe('SUCCEEDED');
});

test('results that wait are bounded in bytes: the newest lose their result, and say so', async () => {
  const rig = createRig();
  await rig.service.start();
  await rig.connect();
  for (let index = 0; index < 6; index += 1) await rig.send('get_nodes', { index });
  await rig.disconnect();
  for (let index = 0; index < 6; index += 1) {
    rig.runs[index]!.succeed({ index, text: 'x'.repeat(1024 * 1024) });
    await rig.settle();
  }
  const onDisk = [...rig.files.content.values()].reduce((sum, data) => sum + data.length, 0);
  expect(onDisk).toBeLessThan(4.1 * 1024 * 1024);
  await rig.connect();
  const answers = rig.cloud.reports.filter(({ status }) => status === 'SUCCEEDED').map(({ result }) => result!);
  expect(answers).toHaveLength(6);
  expect(answers.map((result) => 'resultDropped' in result)).toEqual([false, false, false, true, true, true]);
});

test('a stop ends what runs, answers it while the link stands, and leaves what only reads to the next process', async () => {
  const rig = createRig();
  await rig.service.start();
  await rig.connect();
  await rig.send('get_nodes', {});
  await rig.send('set_wifi_credentials', WIFI);
  const stopped = rig.service.stop();
  await rig.clock.advance(0);
  await stopped;
  expect(rig.cloud.lastCommand).toMatchObject({ command: 'set_wifi_credentials', status: 'FAILED', error: { code: 'interrupted' } });
  expect(rig.clock.timers).toBe(0);
  const next = createRig({ cloud: rig.cloud, files: rig.files, quick: true });
  await next.service.start();
  await next.connect();
  expect(next.runs.map(({ command }) => command)).toEqual(['get_nodes']);
  expect(next.cloud.lastCommand).toMatchObject({ command: 'get_nodes', status: 'SUCCEEDED' });
});

test('a stop does not wait long for a cloud that does not answer', async () => {
  const rig = createRig();
  await rig.service.start();
  await rig.connect();
  await rig.send('set_wifi_credentials', WIFI);
  rig.cloud.onRequest = () => new Promise(() => {});
  let over = false;
  const stopped = rig.service.stop().then(() => {
    over = true;
  });
  expect(await rig.clock.until(() => over, 10_000)).toBeLessThanOrEqual(3_000);
  await stopped;
});

test('a hub whose state cannot be read still starts, and says so', async () => {
  const rig = createRig({ quick: true });
  rig.files.broken = true;
  rig.files.full = true;
  await rig.service.start();
  await rig.connect();
  expect(rig.log.events()).toEqual(expect.arrayContaining(['command_id_key_unstored', 'journal_unreadable']));
  await rig.send('get_nodes', {});
  expect(rig.cloud.lastCommand).toMatchObject({ command: 'get_nodes', status: 'SUCCEEDED' });
  await rig.send('set_wifi_credentials', WIFI);
  expect(rig.cloud.lastCommand).toMatchObject({ command: 'set_wifi_credentials', status: 'FAILED', error: { code: 'internal' } });
});
