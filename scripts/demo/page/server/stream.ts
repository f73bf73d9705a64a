import type { ServerResponse } from 'node:http';
import type { EventLine, Recorder } from '../recorder.ts';

/** Lines are sent together: a page draws no faster. */
const TOGETHER_MS = 100;
/** A reader that is so far behind is cut off, and comes back with a fresh state. Larger than a whole recording. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Lines in one message: a page takes them in without a long pause. */
const MAX_LINES = 500;
/** Something is sent this often, so that both sides notice a dead connection. */
const PING_MS = 15_000;

/** Server-sent events (HTML standard, 9.2): `base`, the `lines` since, `whole` when those were all, and then `lines` for ever. Ends when the reader goes, or is too slow. */
export function stream(response: ServerResponse, recorder: Recorder): { end(): void } {
  let waiting: EventLine[] = [];
  let timer: NodeJS.Timeout | undefined;

  function send(event: string, data: string): void {
    if (response.writableLength + data.length > MAX_WAITING_BYTES) end();
    else response.write(`event: ${event}\ndata: ${data}\n\n`);
  }

  function flush(): void {
    timer = undefined;
    for (let at = 0; at < waiting.length; at += MAX_LINES) send('lines', `[${waiting.slice(at, at + MAX_LINES).join(',')}]`);
    waiting = [];
  }

  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const { recorded, end: unfollow } = recorder.follow((line) => {
    waiting.push(line);
    timer ??= setTimeout(flush, TOGETHER_MS);
  });
  const ping = setInterval(() => send('ping', '{}'), PING_MS);

  function end(): void {
    unfollow();
    clearTimeout(timer);
    clearInterval(ping);
    response.destroy();
  }

  response.once('close', end);
  send('base', JSON.stringify(recorded.base));
  waiting = [...recorded.lines, ...waiting];
  flush();
  send('whole', '{}');
  return { end };
}
