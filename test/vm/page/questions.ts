import type { EventBody } from '../../../scripts/demo/page/model/events.ts';
import { ticksIn } from '../../../scripts/demo/page/taps/control-socket.ts';
import type { HubQuestions } from '../../../scripts/demo/page/taps/hub.ts';
import { type Guest, quoted } from '../guest.ts';
import { currentSsid } from '../network.ts';

/** Each question starts a program in an emulated machine. */
const ASK_MS = 2_000;
const ANSWER_MS = 30_000;
const SOCKET = '/run/hub-agent/control.sock';
/** What Debian always has: Node takes ten times as long to start. */
const ASK = [
  'use IO::Socket::UNIX;',
  `my $agent = IO::Socket::UNIX->new(Peer => "${SOCKET}") or exit 1;`,
  'print $agent "GET $ARGV[0] HTTP/1.0\\r\\nHost: hub\\r\\n\\r\\n";',
  'local $/; my $answer = <$agent>; $answer =~ s/^.*?\\r\\n\\r\\n//s; print $answer;',
].join(' ');

/** Asks an agent in a virtual hub, from inside. */
export function askInGuest(guest: Guest): HubQuestions {
  return {
    everyMs: ASK_MS,
    ask: async (path) => JSON.parse(await guest.must(`perl -e ${quoted(ASK)} ${quoted(path)}`, { timeoutMs: ANSWER_MS })),
    async ticksOf(pid) {
      const { exitCode, stdout } = await guest.run(`cat /proc/${pid}/stat`, { timeoutMs: ANSWER_MS });
      return exitCode === 0 ? ticksIn(stdout) : null;
    },
  };
}

/** Tells which Wi-Fi network the kernel is associated with, when it changes. Returns how it ends. */
export function tapWifi(guest: Guest, emit: (body: EventBody) => void): () => void {
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let before: string | null | undefined;

  async function round(): Promise<void> {
    // A machine without power is on no network.
    const network = await currentSsid(guest).catch(() => null);
    if (ended) return;
    if (network !== before) emit({ kind: 'wifi', network });
    before = network;
    timer = setTimeout(round, ASK_MS);
  }
  void round();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
