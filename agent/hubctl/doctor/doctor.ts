import { causeOf } from '../../health/causes.ts';
import { messageOf } from '../../system/errors.ts';
import { within } from '../../system/timeout.ts';
import { statusAnswer } from '../answers/status.ts';
import { attempt } from '../cli/failure.ts';
import { hedged } from '../cli/hedged-request.ts';
import { NOT_READABLE } from '../cli/offline.ts';
import { checkConnectivity } from '../connectivity/connectivity.ts';
import { settingsOf } from '../machine/settings.ts';
import { busCheck, serialCheck } from './bus-checks.ts';
import type { Check, CheckResult, DoctorContext, DoctorPorts } from './check.ts';
import { skipped } from './check.ts';
import { dnsCheck, mqttCheck, portCheck, tlsCheck, topicsCheck } from './cloud-checks.ts';
import { certificateCheck, configCheck, filesCheck } from './file-checks.ts';
import { agentCheck, clockCheck, diskCheck, memoryCheck, versionCheck, watchdogCheck } from './host-checks.ts';
import { mayTakeSession } from './session.ts';
import { updateCheck } from './update-check.ts';
import { wifiCheck } from './wifi-check.ts';
import { zigbeeCheck } from './zigbee-check.ts';

/** Every check, in the order in which a person would look: what stands first explains what comes later. */
export const CHECKS: readonly Check[] = [
  clockCheck,
  configCheck,
  agentCheck,
  filesCheck,
  certificateCheck,
  dnsCheck,
  portCheck,
  tlsCheck,
  mqttCheck,
  topicsCheck,
  serialCheck,
  busCheck,
  zigbeeCheck,
  wifiCheck,
  diskCheck,
  memoryCheck,
  watchdogCheck,
  versionCheck,
  updateCheck,
];

const CLOUD = [dnsCheck, portCheck, tlsCheck, mqttCheck, topicsCheck];
const CONFIGURED = [...CLOUD, serialCheck, busCheck, wifiCheck];
const IDENTIFIED = [certificateCheck, tlsCheck, mqttCheck, topicsCheck];

/** A document without which the check would examine defaults, and that this user may not read. */
function closedTo(check: Check, { places }: DoctorPorts): string | null {
  const { configPath, identityPath, unreadable } = places;
  const needed = [...(CONFIGURED.includes(check) ? [configPath] : []), ...(IDENTIFIED.includes(check) ? [identityPath] : [])];
  return needed.find((path) => unreadable.includes(path)) ?? null;
}

/** All checks run side by side; one that hangs ends as skipped. The longest has five steps of 4 s, and some refused topics. */
const CHECK_TIMEOUT_MS = 30_000;

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | null = null;
  return () => {
    result ??= work();
    return result;
  };
}

function createContext(ports: DoctorPorts): DoctorContext {
  const settings = settingsOf(ports.places);
  const service = once(() => ports.service());
  const agent = once(async () => {
    const asked = attempt(ports.client.get('/v1/status', statusAnswer));
    void hedged(ports.clock, asked, service).catch(() => {});
    const { value, problem } = await asked;
    return value ? { status: value, problem: null } : { status: null, problem: problem! };
  });
  const session = once(async () => mayTakeSession(await agent(), service));
  return {
    ports,
    settings,
    agent,
    configFaults: once(() => ports.configFaults(ports.places)),
    service,
    session,
    connectivity: once(() =>
      checkConnectivity(settings, {
        clock: ports.clock,
        files: ports.files,
        session,
        tlsMaterial: () => ports.tlsMaterial(ports.places),
        topics: true,
        otherPort: true,
      }),
    ),
  };
}

/** Runs the checks. `onResult` hears of each in the order of `CHECKS`, as soon as all before it are known. */
export async function runDoctor(
  ports: DoctorPorts,
  names: readonly string[],
  onResult: (results: CheckResult[]) => void,
): Promise<CheckResult[]> {
  const context = createContext(ports);
  const chosen = names.length === 0 ? CHECKS : CHECKS.filter(({ name }) => names.includes(name));
  const running = chosen.map((check) => runCheck(check, context));
  const all: CheckResult[] = [];
  for (const each of running) {
    const results = (await each).map((result) => explained(result, all));
    all.push(...results);
    onResult(results);
  }
  return all;
}

/** The result with the earlier one that explains it. */
function explained(result: CheckResult, earlier: readonly CheckResult[]): CheckResult {
  const { code, subject = null } = result;
  if (code === undefined) return result;
  const known = earlier.flatMap((each) =>
    each.code === undefined ? [] : [{ check: each.check, code: each.code, subject: each.subject ?? null }],
  );
  const cause = causeOf({ code, subject }, known);
  return cause ? { ...result, causedBy: { check: cause.check, code: cause.code } } : result;
}

async function runCheck(check: Check, context: DoctorContext): Promise<CheckResult[]> {
  const closed = closedTo(check, context.ports);
  if (closed !== null) return [{ check: check.name, why: check.why, ...skipped(`${closed} is ${NOT_READABLE}`) }];
  const found = await within(
    context.ports.clock,
    CHECK_TIMEOUT_MS,
    () => check.run(context),
    () => skipped('it took too long'),
  ).catch((error: unknown) => skipped(`it could not be checked: ${messageOf(error)}`));
  return [found].flat().map((finding) => ({ check: check.name, why: check.why, ...finding }));
}
