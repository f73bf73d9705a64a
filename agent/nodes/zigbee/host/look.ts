import { type MonotonicClock, sleep } from '../../../system/clock.ts';
import { ProcessFailure } from '../process/process.ts';
import type { Answers } from '../process/words.ts';
import type { StickConnection } from './stick-port.ts';
import { createSysReader, euiOf, readNib, SYS_COMMAND, type SysCommand, sysRequest } from './znp.ts';

/** The library waits as long for its first ping. */
const PING_MS = 250;
/** As long as the library waits: the stick answers at once, and a busy hub reads late. */
const ANSWER_MS = 6_000;
/** How long a CC2530 needs from its boot loader to its program; how long the lines of a CC2652 are held (as zigbee-herdsman does). */
const BOOT_MS = 1_000;
const LINE_MS = 150;
const LEAVE_BOOT_LOADER = Buffer.from([0xef]);

/** Items of the stick's memory (Z-Stack, `ZComDef.h`; the first two are zigbee-herdsman's marks that it has configured the stick). */
const ITEM = { configured: 0x60, configuredOld: 0xf00, nib: 0x21, activeKey: 0x3a } as const;
const CONFIGURED = 0x55;
/** Of the version answer's second byte: Z-Stack 1.2 (0), 3.x.0 (1), 3.0.x (2). */
const PRODUCT_OLD = 0;
const SUCCESS = 0;
const MAX_ITEM = 1_024;
/** A network that was deleted, or is not formed yet. */
const NO_PAN = 0xffff;

const word = (value: number) => [value & 0xff, value >> 8];

const notZStack = () => new ProcessFailure('not_this_adapter', 'what answers is no Z-Stack stick');

/** Requests to a Z-Stack stick, one after the other. @throws ProcessFailure `silent`, `not_this_adapter` */
function createConversation(port: StickConnection, clock: MonotonicClock) {
  let take: ((command: number, data: Buffer) => void) | null = null;
  port.onData(createSysReader((command, data) => take?.(command, data)));

  /** @param bytes that the answer has at least */
  return async function ask(command: SysCommand, bytes: number, data: readonly number[] = [], timeoutMs = ANSWER_MS): Promise<Buffer> {
    const answered = new Promise<Buffer | null>((resolve) => {
      take = (got, payload) => {
        if (got === command) resolve(payload);
      };
    });
    await port.write(sysRequest(command, data));
    const end = new AbortController();
    const answer = await Promise.race([answered, sleep(clock, timeoutMs, end.signal).then(() => null)]);
    end.abort();
    take = null;
    if (answer === null) throw new ProcessFailure('silent', 'the stick does not answer');
    if (answer.length < bytes) throw notZStack();
    return answer;
  };
}

type Ask = ReturnType<typeof createConversation>;

/** Wakes the stick as the library does: what it would wake is looked at before. */
async function wake(ask: Ask, port: StickConnection, clock: MonotonicClock): Promise<void> {
  const isAwake = () =>
    ask(SYS_COMMAND.ping, 0, [], PING_MS).then(
      () => true,
      () => false,
    );
  if (await isAwake()) return;
  await port.write(LEAVE_BOOT_LOADER);
  await sleep(clock, BOOT_MS);
  if (await isAwake()) return;
  for (const lines of [
    { dtr: false, rts: false },
    { dtr: false, rts: true },
    { dtr: false, rts: false },
  ]) {
    await port.setLines(lines);
    await sleep(clock, LINE_MS);
  }
  await ask(SYS_COMMAND.ping, 0);
}

async function readItem(ask: Ask, item: number): Promise<Buffer | null> {
  const length = (await ask(SYS_COMMAND.nvLength, 2, word(item))).readUInt16LE(0);
  if (length === 0) return null;
  if (length > MAX_ITEM) throw notZStack();
  let value = Buffer.alloc(0);
  while (value.length < length) {
    const answer = await ask(SYS_COMMAND.nvReadExt, 1, [...word(item), ...word(value.length)]);
    const part = answer.subarray(2);
    if (answer[0] !== SUCCESS || part.length === 0) throw new ProcessFailure('not_this_adapter', 'the memory of the stick cannot be read');
    value = Buffer.concat([value, part]);
  }
  return value.subarray(0, length);
}

/**
 * What network a Z-Stack stick holds, without changing it. Through the library another network cannot be seen before it is erased.
 * @param networkKey 32 hex digits to compare with; null: not compared
 * @param clear the stick is to forget that it is configured, so that the library restores a backup onto it
 */
export async function lookAtStick(
  port: StickConnection,
  { networkKey, clear }: { networkKey: string | null; clear: boolean },
  clock: MonotonicClock,
): Promise<Answers['look']> {
  const ask = createConversation(port, clock);
  await wake(ask, port, clock);
  const product = (await ask(SYS_COMMAND.version, 2))[1];
  const mark = product === PRODUCT_OLD ? ITEM.configuredOld : ITEM.configured;
  const coordinator = euiOf((await ask(SYS_COMMAND.getExtAddr, 8)).subarray(0, 8));
  const configured = (await readItem(ask, mark))?.[0] === CONFIGURED;
  if (configured && clear) {
    await ask(SYS_COMMAND.nvWriteExt, 1, [...word(mark), ...word(0), ...word(1), 0]);
    return { state: 'blank', coordinator };
  }
  const nib = await readItem(ask, ITEM.nib);
  const network = nib && readNib(nib);
  if (!configured || nib === null) return { state: 'blank', coordinator };
  if (network === null) throw new ProcessFailure('not_this_adapter', 'the network of the stick cannot be read');
  if (network.panId === NO_PAN) return { state: 'blank', coordinator };
  const key = networkKey === null || product === PRODUCT_OLD ? null : await readItem(ask, ITEM.activeKey);
  return { state: 'network', coordinator, ...network, isOurKey: key === null ? null : key.toString('hex', 1, 17) === networkKey };
}
