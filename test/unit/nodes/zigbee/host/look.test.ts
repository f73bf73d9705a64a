import { expect, test } from 'vitest';
import { lookAtStick } from '../../../../../agent/nodes/zigbee/host/look.ts';
import type { StickConnection } from '../../../../../agent/nodes/zigbee/host/stick-port.ts';
import { createSteppedClock } from '../../../../support/stepped-clock.ts';
import { OURS, STICK } from '../samples.ts';

/** A stick's memory behind its port, in bytes by the specification and not by the agent's codec. */
function createStick({ awakeAfter = 'at once', nib = true, mark = 0x55, key = OURS.networkKey.reveal(), product = 1 } = {}) {
  const image = Buffer.alloc(116);
  image[24] = 15;
  image.writeUInt16LE(OURS.panId, 36);
  Buffer.from(OURS.extendedPanId, 'hex').reverse().copy(image, 57);
  const items = new Map<number, Buffer>([[0x3a, Buffer.concat([Buffer.from([0]), Buffer.from(key, 'hex')])]]);
  if (nib) items.set(0x21, image);
  if (mark !== 0) items.set(0x60, Buffer.from([mark]));
  let listener: (bytes: Buffer) => void = () => {};
  let awake = awakeAfter === 'at once';
  const writes: Buffer[] = [];
  const answer = (command: number, data: Buffer) => {
    const body = Buffer.concat([Buffer.from([data.length, 0x61, command]), data]);
    const frame = Buffer.concat([Buffer.from([0xfe]), body, Buffer.from([body.reduce((sum, byte) => sum ^ byte, 0)])]);
    // Noise, and frames in pieces.
    for (const piece of [Buffer.from([0x00, 0xfe, 0x01]), frame.subarray(0, 3), frame.subarray(3)]) listener(piece);
  };
  const port: StickConnection = {
    onData: (next) => {
      listener = next;
    },
    async write(bytes) {
      writes.push(bytes);
      if (bytes.length === 1 && awakeAfter === 'the magic byte') awake = true;
      if (!awake || bytes[0] !== 0xfe) return;
      const [command, data] = [bytes[3]!, bytes.subarray(4, -1)];
      const item = data.length >= 2 ? data.readUInt16LE(0) : 0;
      if (command === 0x01) answer(command, Buffer.from([0x59, 0x06]));
      if (command === 0x02) answer(command, Buffer.from([2, product, 2, 7, 1]));
      if (command === 0x04) answer(command, Buffer.from(STICK, 'hex').reverse());
      if (command === 0x13) answer(command, Buffer.from([items.get(item)?.length ?? 0, 0]));
      if (command === 0x1c) {
        const value = items.get(item)!.subarray(data.readUInt16LE(2)).subarray(0, 64);
        answer(command, Buffer.concat([Buffer.from([0, value.length]), value]));
      }
      if (command === 0x1d) {
        items.set(item, Buffer.from(data.subarray(6)));
        answer(command, Buffer.from([0]));
      }
    },
    async setLines() {
      if (awakeAfter === 'its lines') awake = true;
    },
    async close() {},
  };
  return { port, items, writes };
}

const ours = { state: 'network', coordinator: STICK, panId: OURS.panId, extendedPanId: OURS.extendedPanId, channel: 15, isOurKey: true };
const look = (stick: ReturnType<typeof createStick>, clear = false) => {
  const clock = createSteppedClock();
  return clock.settle(lookAtStick(stick.port, { networkKey: OURS.networkKey.reveal(), clear }, clock), 30_000);
};

test.each(['at once', 'the magic byte', 'its lines'])('a stick that wakes by %s tells its network', async (awakeAfter) => {
  expect(await look(createStick({ awakeAfter }))).toEqual(ours);
});

test('a stick that is not configured, or holds no network, is blank', async () => {
  expect(await look(createStick({ mark: 0 }))).toEqual({ state: 'blank', coordinator: STICK });
  expect(await look(createStick({ nib: false }))).toEqual({ state: 'blank', coordinator: STICK });
});

test('another key is told, and the key itself is not', async () => {
  const seen = await look(createStick({ key: 'ff'.repeat(16) }));
  expect(seen).toEqual({ ...ours, isOurKey: false });
});

test('a stick that is to forget its mark is blank afterwards, and nothing else of it is changed', async () => {
  const stick = createStick();
  expect(await look(stick, true)).toEqual({ state: 'blank', coordinator: STICK });
  expect(stick.items.get(0x60)).toEqual(Buffer.from([0]));
  expect(stick.items.get(0x21)).toBeDefined();
});

test('a stick that says nothing is silent within seconds', async () => {
  await expect(look(createStick({ awakeAfter: 'never' }))).rejects.toMatchObject({ code: 'silent' });
});

test('no look writes to the memory of the stick', async () => {
  const stick = createStick();
  await look(stick);
  expect(stick.writes.every((frame) => frame[3] !== 0x1d)).toBe(true);
});
