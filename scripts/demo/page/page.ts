import { createMonotonicClock } from '../../../agent/system/clock.ts';
import type { ApiRequestLine } from '../../../test/twins/cloud-api/index.ts';
import { createFaultPanel } from './faults/panel.ts';
import { createMasker, type Masker } from './mask.ts';
import type { Catalogue } from './model/catalogue.ts';
import type { EventBody } from './model/events.ts';
import { createRecorder } from './recorder.ts';
import type { PageRig } from './rig.ts';
import { type JsonAnswer, servePage } from './server/server.ts';
import { tapCloud } from './taps/cloud.ts';
import { tapHub } from './taps/hub.ts';
import { tapLine } from './taps/line.ts';

/** The page on a rig that runs. */
export interface RigPage extends AsyncDisposable {
  readonly address: string;
  /** Hides secrets in what is told with `emit`. */
  readonly mask: Masker;
  /** Tells what the rig alone can see. */
  emit(body: EventBody): void;
  request(line: ApiRequestLine): void;
}

const CALLS = ['ProvisionHub', 'ClaimHub', 'SendHubCommand'];

/** Watches the rig from now on, and serves what it sees. */
export async function openRigPage(rig: PageRig): Promise<RigPage> {
  await using opened = new AsyncDisposableStack();
  const clock = createMonotonicClock();
  // One clock that never jumps, whatever becomes of the machine's.
  const epochMs = Date.now() - clock.nowMs();
  const nowMs = () => epochMs + clock.nowMs();
  const mask = createMasker([rig.api.key, ...rig.secrets]);
  const recorder = createRecorder({ nowMs });
  const emit = (body: EventBody, at?: number) => recorder.record(body, at);
  const { iotCore, hubId, line, questions } = rig;

  emit({ kind: 'start', hubId, api: rig.api.url, iotCore: `${iotCore.host}:${iotCore.port}`, osdp: line !== null });
  opened.defer(tapCloud({ iotCore, hubId, mask, emit, nowMs: clock.nowMs }));
  opened.defer(tapHub({ questions, mask, emit, nowMs: clock.nowMs }));
  if (line) opened.defer(tapLine({ line, emit, epochOf: (lineMs) => epochMs + lineMs }));

  const targets = line?.peripherals().map(({ settings }) => settings.address) ?? [];
  const panel = createFaultPanel(rig.faults(emit), targets, emit);
  const catalogue: Catalogue = { mode: 'live', calls: rig.calls, faults: panel.faults, targets, savedAt: null };
  const server = opened.use(
    await servePage({
      recorder,
      catalogue,
      nowMs,
      actions: {
        call: (body) => call(rig, body),
        async fault(body) {
          const answer = await panel.run(body);
          // That a fault could not be made is an answer, and no error of the page.
          return { status: !answer.ok && answer.status === 400 ? 400 : 200, body: answer };
        },
      },
    }),
  );
  mask.learn(server.token);

  const closing = opened.move();
  return {
    address: server.address,
    mask,
    emit,
    request({ method, path, status }) {
      emit({ kind: 'api', method, call: path.split('/').at(-1) ?? '', status });
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** Passes a body on to the public API as it is, and its answer back: what the API says to bad input is what is shown. */
async function call({ api, hubId }: PageRig, request: unknown): Promise<JsonAnswer> {
  const { call, body } = (request ?? {}) as { call?: unknown; body?: unknown };
  if (typeof call !== 'string' || !CALLS.includes(call) || typeof body !== 'string') {
    return { status: 400, body: { message: `call: one of ${CALLS.join(', ')}; body: a text` } };
  }
  const headers = { 'content-type': 'application/json', 'x-api-key': api.key };
  const answer = await fetch(`${api.url}/hubs/${hubId}/${call}`, { method: 'POST', headers, body });
  return { status: 200, body: { status: answer.status, body: await answer.json() } };
}
