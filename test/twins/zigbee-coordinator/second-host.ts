/**
 * A host that is not zigbee-herdsman, written from the MT specification after the sequence of zigpy-znp: it forms by a temporary network that it then
 * overwrites in NV, starts by BDB each time, sends ZDO requests as AF_DATA_REQUEST_EXT to endpoint 0, and reads answers from MsgCbIncoming.
 * It shares no code with the twin, so that a mistake is not made twice.
 */
import { SerialPort } from 'serialport';

interface Message {
  command: number;
  data: Buffer;
}

const WAIT_MS = 60_000;
const CONFIGURED = 0x55;
const le16 = (value: number): Buffer => Buffer.of(value & 0xff, value >> 8);
const le32 = (value: number): Buffer => Buffer.concat([le16(value & 0xffff), le16(value >>> 16)]);
const reversed = (hex: string): Buffer => Buffer.from(hex, 'hex').reverse();

/** What it wants the network to be, and what a backup says of it. */
export interface HostNetwork {
  panId: number;
  extendedPanId: string;
  channel: number;
  key: string;
}

export interface HostBackup extends HostNetwork {
  coordinator: string;
  frameCounter: number;
  devices: { eui: string; nwk: number; child: boolean; linkKey: boolean }[];
}

/** A port with requests and answers on it. */
export async function openHost(path: string) {
  const port = new SerialPort({ path, baudRate: 115_200, autoOpen: false });
  await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())));
  const messages: Message[] = [];
  const waiting = new Set<() => void>();
  let pending = Buffer.alloc(0);
  let sequence = 0;

  port.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 5 && pending.length >= pending[1]! + 5) {
      if (pending[0] !== 0xfe) throw new Error(`a frame that begins with ${pending[0]}`);
      const end = pending[1]! + 4;
      let check = 0;
      for (const byte of pending.subarray(1, end)) check ^= byte;
      if (check !== pending[end]) throw new Error('a frame with a wrong check');
      messages.push({ command: (pending[2]! << 8) | pending[3]!, data: Buffer.from(pending.subarray(4, end)) });
      pending = pending.subarray(end + 1);
    }
    for (const look of [...waiting]) look();
  });

  /** The first message from `since` on that fits; it is used up. */
  function next(command: number, fits: (data: Buffer) => boolean = () => true): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(look);
        reject(new Error(`no ${command.toString(16)} came; ${messages.map((one) => one.command.toString(16)).join(' ')}`));
      }, WAIT_MS);
      function look(): void {
        const at = messages.findIndex((one) => one.command === command && fits(one.data));
        if (at < 0) return;
        clearTimeout(timer);
        waiting.delete(look);
        resolve(messages.splice(at, 1)[0]!.data);
      }
      waiting.add(look);
      look();
    });
  }

  function send(command: number, data: Buffer): void {
    const body = Buffer.concat([Buffer.of(data.length, command >> 8, command & 0xff), data]);
    port.write(Buffer.concat([Buffer.of(0xfe), body, Buffer.of(body.reduce((check, byte) => check ^ byte, 0))]));
  }

  async function ask(command: number, ...data: Buffer[]): Promise<Buffer> {
    send(command, Buffer.concat(data));
    return next(command + 0x4000);
  }

  async function must(command: number, ...data: Buffer[]): Promise<void> {
    const answer = await ask(command, ...data);
    if (answer[0] !== 0)
      throw new Error(`${command.toString(16)} ${Buffer.concat(data).toString('hex')} was answered by ${answer.toString('hex')}`);
  }

  async function readNv(id: number): Promise<Buffer | null> {
    const length = (await ask(0x2113, le16(id))).readUInt16LE();
    if (length === 0) return null;
    let value = Buffer.alloc(0);
    while (value.length < length) {
      const answer = await ask(0x211c, le16(id), le16(value.length));
      if (answer[0] !== 0 || answer.length !== answer[1]! + 2) throw new Error(`NV ${id.toString(16)}: ${answer.toString('hex')}`);
      value = Buffer.concat([value, answer.subarray(2)]);
    }
    return value;
  }

  async function deleteNv(id: number): Promise<void> {
    const length = (await ask(0x2113, le16(id))).readUInt16LE();
    if (length > 0) await must(0x2112, le16(id), le16(length));
  }

  /** Makes the item anew when its length is another. */
  async function writeNv(id: number, value: Buffer): Promise<void> {
    const length = (await ask(0x2113, le16(id))).readUInt16LE();
    if (length !== value.length) {
      await deleteNv(id);
      const made = await ask(0x2107, le16(id), le16(value.length), Buffer.of(value.length), value);
      if (made[0] !== 9) throw new Error(`NV ${id.toString(16)} was not made: ${made.toString('hex')}`);
    }
    await must(0x211d, le16(id), le16(0), le16(value.length), value);
  }

  const at = (item: number, row: number): Buffer => Buffer.concat([Buffer.of(1), le16(item), le16(row)]);

  async function readRows(item: number): Promise<Buffer[]> {
    const rows: Buffer[] = [];
    for (let row = 0; ; row += 1) {
      const length = (await ask(0x2132, at(item, row)))[0]!;
      if (length === 0) return rows;
      rows.push((await ask(0x2133, at(item, row), le16(0), Buffer.of(length))).subarray(2));
    }
  }

  async function reset(): Promise<void> {
    const stale = messages.findIndex((one) => one.command === 0x4180);
    if (stale >= 0) messages.splice(stale, 1);
    send(0x4100, Buffer.of(1));
    await next(0x4180);
  }

  async function startNetwork(): Promise<number> {
    await must(0x2f05, Buffer.of(4));
    // Remaining modes: none.
    const [notification] = await Promise.all([next(0x4f80, (data) => data[2] === 0), next(0x45c0, (data) => data[0] === 9)]);
    return notification[0]!;
  }

  const host = {
    messages,
    next,
    ask,
    readNv,
    startNetwork,
    reset,
    /** A request without data; resolves with the RPC_ERROR. */
    askRaw(command: number): Promise<Buffer> {
      send(command, Buffer.alloc(0));
      return next(0x6000);
    },
    /** Ping, the alignment by the length of an associated device, and the version by the extended NV. */
    async connect(): Promise<{ aligned: boolean; extendedNv: boolean }> {
      // A stick that was just plugged in hears nothing before it has booted.
      const pings = setInterval(() => send(0x2101, Buffer.alloc(0)), 50);
      await next(0x6101).finally(() => clearInterval(pings));
      const device = await ask(0x2749, Buffer.of(0));
      return { aligned: device.length === 36, extendedNv: (await ask(0x2132, at(4, 0)))[0]! > 0 };
    },
    async form(wanted: HostNetwork): Promise<void> {
      for (const id of [0x0f00, 0x60, 0x55]) await deleteNv(id);
      await writeNv(0x03, Buffer.of(3));
      await reset();
      for (const [id, value] of [
        [0x83, le16(0xffff)],
        [0x47, Buffer.from('0102030405060708', 'hex')],
        [0x62, Buffer.alloc(16, 0x77)],
        [0x63, Buffer.of(0)],
        [0x84, le32(0x07fff800)],
      ] as const)
        await writeNv(id, value);
      await must(0x2f08, Buffer.of(1), le32(0x07fff800));
      await must(0x2f08, Buffer.of(0), le32(0));
      if ((await startNetwork()) !== 0) throw new Error('the temporary network was not formed');
      await reset();
      const nib = await readNv(0x21);
      if (!nib) throw new Error('no NIB after the formation');
      nib.set(le16(wanted.panId), 36);
      nib.set(reversed(wanted.extendedPanId), 57);
      nib[24] = wanted.channel;
      nib.set(le32(1 << wanted.channel), 40);
      const key = Buffer.from(wanted.key, 'hex');
      for (const [id, value] of [
        [0x21, nib],
        [0x47, reversed(wanted.extendedPanId)],
        [0x2d, reversed(wanted.extendedPanId)],
        [0x62, key],
        [0x84, le32(1 << wanted.channel)],
        [0x87, Buffer.of(0)],
        [0x3a, Buffer.concat([Buffer.of(0), key])],
        [0x3b, Buffer.concat([Buffer.of(0), key])],
        [0x101, Buffer.alloc(16, 0x5c)],
      ] as const)
        await writeNv(id, value);
      await must(0x2134, at(7, 0), le16(0), Buffer.of(12), Buffer.concat([le32(0), reversed(wanted.extendedPanId)]));
      await writeNv(0x8f, Buffer.of(1));
      await writeNv(0x60, Buffer.of(CONFIGURED));
      await reset();
    },
    async register(endpoint: number): Promise<void> {
      await must(0x2400, Buffer.of(endpoint), le16(0x0104), le16(0x0005), Buffer.of(0, 0, 0, 0));
      await must(0x253e, le16(0xffff));
    },
    permitJoin: (seconds: number) => must(0x2536, Buffer.of(0x0f), le16(0xfffc), Buffer.of(seconds, 0)),
    /** A ZDO request in an application frame; resolves with the response after its status. */
    async zdo(nwk: number, cluster: number, ...body: Buffer[]): Promise<Buffer> {
      if ((await ask(0x2546, le16(nwk), Buffer.of(0, 0)))[0] !== 0) throw new Error(`no route to ${nwk.toString(16)}`);
      sequence = (sequence + 1) & 0xff;
      const mine = sequence;
      const payload = Buffer.concat([Buffer.of(mine), ...body]);
      const destination = Buffer.concat([Buffer.of(2), le16(nwk), Buffer.alloc(6), Buffer.of(0), le16(0)]);
      await must(0x2402, destination, Buffer.of(0), le16(cluster), Buffer.of(mine, 0, 30), le16(payload.length), payload);
      const confirm = await next(0x4480, (data) => data[2] === mine);
      if (confirm[0] !== 0) throw new Error(`not confirmed: ${confirm.toString('hex')}`);
      const came = await next(0x45ff, (data) => data.readUInt16LE(3) === (cluster | 0x8000) && data[6] === mine);
      if (came.readUInt16LE(0) !== nwk || came[9] !== 0) throw new Error(`an answer of another kind: ${came.toString('hex')}`);
      return came.subarray(10);
    },
    async backup(): Promise<HostBackup> {
      const nib = (await readNv(0x21))!;
      const owners = (await readRows(4)).map((row) => Buffer.from(row.subarray(8, 16)).reverse().toString('hex'));
      const network = nib.subarray(57, 65);
      const material = (await readRows(7)).find((row) => row.subarray(4).equals(network))!;
      const address = async (): Promise<string> =>
        Buffer.from((await readNv(0x01))!)
          .reverse()
          .toString('hex');
      return {
        panId: nib.readUInt16LE(36),
        extendedPanId: Buffer.from(network).reverse().toString('hex'),
        channel: nib[24]!,
        key: (await readNv(0x3a))!.subarray(1).toString('hex'),
        coordinator: await address(),
        frameCounter: material.readUInt32LE(),
        devices: (await readRows(1))
          .filter((row) => row[0] !== 0)
          .map((row) => ({
            eui: Buffer.from(row.subarray(4)).reverse().toString('hex'),
            nwk: row.readUInt16LE(2),
            child: (row[0]! & 1) === 1,
          }))
          .map((device) => ({ ...device, linkKey: owners.includes(device.eui) })),
      };
    },
    close: () => new Promise<void>((resolve) => port.close(() => resolve())),
  };
  return host;
}
