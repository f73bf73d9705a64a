import { join } from 'node:path';
import { createMonotonicClock } from '../../../agent/system/clock.ts';
import type { AgentProcess } from '../../../test/hil/rig/agent-process.ts';
import { ORGANISATION } from '../../../test/hil/rig/rig.ts';
import type { ApiRequestLine } from '../../../test/twins/cloud-api/index.ts';
import { OFFICE, WAREHOUSE, type World } from '../world.ts';
import { calls } from './calls.ts';
import { busFaults } from './faults/bus.ts';
import { cloudFaults } from './faults/cloud.ts';
import { hubFaults } from './faults/hub.ts';
import { createFaultPanel } from './faults/panel.ts';
import { createMasker } from './mask.ts';
import type { Catalogue } from './model/catalogue.ts';
import type { EventBody } from './model/events.ts';
import { createRecorder } from './recorder.ts';
import { type JsonAnswer, type PageServer, servePage } from './server/server.ts';
import { tapAgent } from './taps/agent.ts';
import { tapCloud } from './taps/cloud.ts';
import { tapHub } from './taps/hub.ts';
import { tapLine } from './taps/line.ts';

/** The page on a demo that runs. */
export interface LivePage extends AsyncDisposable {
  readonly address: string;
  /** An agent was started. */
  agent(agent: AgentProcess): void;
  request(line: ApiRequestLine): void;
}

const CALLS = ['ProvisionHub', 'ClaimHub', 'SendHubCommand'];

/** Watches the world from now on, and serves what it sees. */
export async function openPage({ rig, wifi }: World): Promise<LivePage> {
  await using opened = new AsyncDisposableStack();
  const clock = createMonotonicClock();
  // One clock that never jumps, whatever becomes of the machine's.
  const epochMs = Date.now() - clock.nowMs();
  const nowMs = () => epochMs + clock.nowMs();
  const mask = createMasker([rig.apiKey, OFFICE.password, WAREHOUSE.password]);
  const recorder = createRecorder({ nowMs });
  const emit = (body: EventBody, at?: number) => recorder.record(body, at);
  const { iotCore, hubId } = rig;
  let agent: AgentProcess | null = null;

  emit({ kind: 'start', hubId, api: rig.api.url, iotCore: `${iotCore.host}:${iotCore.port}` });
  opened.defer(tapCloud({ iotCore, hubId, mask, emit, nowMs: clock.nowMs }));
  opened.defer(tapHub({ socketPath: join(rig.folder, 'control.sock'), mask, emit, nowMs: clock.nowMs }));
  if (rig.line) opened.defer(tapLine({ line: rig.line, emit, epochOf: (lineMs) => epochMs + lineMs }));
  if (wifi) {
    const tell = () => emit({ kind: 'wifi', network: wifi.hub.network() });
    tell();
    wifi.hub.listeners.add(tell);
    opened.defer(() => void wifi.hub.listeners.delete(tell));
  }

  const targets = rig.line?.peripherals().map(({ settings }) => settings.address) ?? [];
  const bus = rig.line && rig.port ? busFaults(rig.line, rig.port) : [];
  const panel = createFaultPanel([...bus, ...hubFaults(() => agent, emit), ...cloudFaults(rig)], targets, emit);
  const catalogue: Catalogue = {
    mode: 'live',
    calls: calls({ hubId, siteId: 'site-1', orgId: ORGANISATION, ssid: OFFICE.ssid }),
    faults: panel.faults,
    targets,
    savedAt: null,
  };
  const server: PageServer = opened.use(
    await servePage({
      recorder,
      catalogue,
      nowMs,
      actions: {
        call: (body) => call(rig, body),
        async fault(body) {
          const answer = await panel.run(body);
          return { status: answer.ok ? 200 : answer.status, body: answer };
        },
      },
    }),
  );
  mask.learn(server.token);

  const closing = opened.move();
  return {
    address: server.address,
    agent(started) {
      agent = started;
      tapAgent(started, { mask, emit });
      void started.exited.then(() => {
        if (agent === started) agent = null;
      });
    },
    request({ method, path, status }) {
      emit({ kind: 'api', method, call: path.split('/').at(-1) ?? '', status });
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** Passes a body on to the public API as it is, and its answer back: what the API says to bad input is what is shown. */
async function call({ api, apiKey, hubId }: World['rig'], request: unknown): Promise<JsonAnswer> {
  const { call, body } = (request ?? {}) as { call?: unknown; body?: unknown };
  if (typeof call !== 'string' || !CALLS.includes(call) || typeof body !== 'string') {
    return { status: 400, body: { message: `call: one of ${CALLS.join(', ')}; body: a text` } };
  }
  const headers = { 'content-type': 'application/json', 'x-api-key': apiKey };
  const answer = await fetch(`${api.url}/hubs/${hubId}/${call}`, { method: 'POST', headers, body });
  return { status: 200, body: { status: answer.status, body: await answer.json() } };
}
