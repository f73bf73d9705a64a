import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../hil/rig/until.ts';
import type { ChaosHub } from './hub.ts';
import type { PlannedCommand } from './plan.ts';

/** Commands that a backend leaves unanswered on one hub, far below the 16 that a hub lets wait. */
const MAX_OPEN = 4;
/** An execution without an answer is requested again, as a broker does with a message that was not acknowledged. */
const REQUEST_AGAIN_MS = 5_000;
/** The cloud's own time-out of an execution: longer than any run. */
const EXECUTION_TIMEOUT_SECONDS = 3_600;
/** A hub that takes or answers nothing for so long is given up. */
const STUCK_MS = 150_000;
const RETRY_MS = 100;

/**
 * Sends the commands of one hub as a well-behaved backend does. A shadow holds one command: the next is written only once the one before
 * was taken. Returns when all are sent. @throws Error when the hub is stuck.
 */
export async function sendAll(hub: ChaosHub, plans: readonly PlannedCommand[], onSent: () => void): Promise<void> {
  const { rig, ledger } = hub;
  for (const plan of plans) {
    await sleep(plan.pauseMs);
    await until(hub.changed, `${hub.name}: fewer open commands`, () => ledger.open().length < MAX_OPEN, STUCK_MS);
    const id = plan.intake === 'shadow' ? await throughShadow(hub, plan) : await throughExecution(hub, plan);
    onSent();
    if (plan.patient) await until(hub.changed, `${hub.name}: the answer to ${id}`, () => ledger.isAnswered(id), STUCK_MS);
    else if (plan.intake === 'shadow')
      await until(hub.changed, `${hub.name}: ${id} taken`, () => rig.desired().command === undefined, STUCK_MS);
  }
}

async function throughShadow(hub: ChaosHub, plan: PlannedCommand): Promise<string> {
  const { rig, ledger } = hub;
  for (;;) {
    await untilOnline(hub);
    const before = new Set(ledger.open());
    hub.expect(plan);
    const { status } = await rig.send(plan.command, plan.args);
    if (status === 200) {
      const find = () => ledger.find(plan.tag);
      const id = find();
      if (id === null || before.has(id)) throw new Error(`${hub.name}: ${plan.tag} was written and no delta seen`);
      return id;
    }
    // 502: offline since. The command is not in the shadow.
    await sleep(RETRY_MS);
  }
}

async function throughExecution(hub: ChaosHub, plan: PlannedCommand): Promise<string> {
  const { rig, ledger } = hub;
  await untilOnline(hub);
  const id = randomUUID();
  ledger.sent(id, plan);
  hub.note(`SENT ${id} ${plan.command} ${plan.tag} as an execution`);
  rig.iotCore.startExecution(rig.hubId, envelopeOf(plan), { executionId: id, timeoutSeconds: EXECUTION_TIMEOUT_SECONDS });
  const again = setInterval(() => {
    if (ledger.isAnswered(id)) clearInterval(again);
    else requestAgain(hub, id, plan);
  }, REQUEST_AGAIN_MS);
  again.unref();
  return id;
}

/** Publishes an execution's request once more. */
export function requestAgain({ rig }: ChaosHub, id: string, plan: PlannedCommand): void {
  rig.iotCore.publish(`$aws/commands/things/${rig.hubId}/executions/${id}/request/json`, JSON.stringify(envelopeOf(plan)));
}

const envelopeOf = ({ command, args }: PlannedCommand) => ({ command, args });

function untilOnline({ rig, changed, name }: ChaosHub): Promise<true> {
  return until(changed, `${name}: online`, () => rig.reported().online === true, STUCK_MS);
}
