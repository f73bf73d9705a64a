import { applyPatch } from '../../../../../agent/cloud/shadow/merge-patch.ts';
import type { reportStep } from '../../../../../agent/cloud/shadow/report-machine.ts';
import { dueMs, initialReport, OFFLINE_SETTLES_SECONDS, type ReportEvent } from '../../../../../agent/cloud/shadow/report-state.ts';
import type { LastCommand } from '../../../../../agent/contract/shadow.ts';
import { type ErrorCode, HubError } from '../../../../../agent/system/errors.ts';
import type { WalkStep } from '../../../../support/walk.ts';
import {
  canonical,
  copyOf,
  HEARTBEAT_MS,
  LONG_MS,
  type Luck,
  mayPass,
  pass,
  type Request,
  sectionsOf,
  sessionName,
  Untrue,
  type World,
} from './world.ts';

export type ReportMachine = typeof reportStep;

export type Step = WalkStep<World>;

const CONFIG = { identity: { hubId: 'h', serial: 's', model: 'm', vendorName: 'v', version: '1' }, heartbeatMs: HEARTBEAT_MS };
const MOMENT = { nowMs: 0, wallMs: 0, uptimeSeconds: 0, random: 1 };
/** The cloud's rule has written before the hub's reassurance is due (REASSURE_MS). */
const RULE_MS = 9_000;
/** A request is answered, or given up, within this time: long enough for a report or a second read to be due meanwhile. */
const REQUEST_MS = 2_000;
/** Heartbeats after which another hand's writing is undone: the version gives it away, and the read that is due then may be lost once. */
const HEARTBEATS = 2;

const commandOf = ({ command }: World): LastCommand => ({
  id: `c${command}`,
  command: 'x',
  status: 'SUCCEEDED',
  receivedAt: 0,
  resultTopic: 't',
});

/** True when the shadow shows what the hub has to say. */
function isTrue(world: World): boolean {
  const { online, session, nodes, lastCommand } = world.shadow.reported as Record<string, unknown>;
  if (online !== true || session !== sessionName(world.session)) return false;
  if ((nodes as { total: number } | undefined)?.total !== world.nodes) return false;
  return world.command === 0 || (lastCommand as LastCommand | undefined)?.id === `c${world.command}`;
}

/** What must hold when nothing is certain to happen any more. @throws Untrue */
export function checkRest(world: World): void {
  if (!isTrue(world)) throw new Untrue('the shadow tells no truth');
  if (world.hub.unconfirmedSinceMs !== null) throw new Untrue('the hub thinks that the shadow is not up to date');
}

export function createSteps(machine: ReportMachine): (world: World) => Step[] {
  function hand(world: World, event: ReportEvent): void {
    const { state, effects } = machine(CONFIG, world.hub, event, MOMENT);
    world.hub = state;
    for (const effect of effects) {
      if (effect.type === 'send')
        world.toCloud.push({ type: 'update', op: effect.op, update: effect.update, stale: false, left: REQUEST_MS });
      else if (effect.type === 'read') reads(world);
      else if (effect.type === 'accepted') world.written = Math.max(world.written, effect.version);
      else if (effect.type === 'settle' && effect.error) world.commandWaits = true;
    }
  }

  /** Reads that are asked for while one is under way are one. */
  function reads(world: World): void {
    const underWay = world.toCloud.some(({ type }) => type === 'read') || world.toHub.some(({ type }) => type === 'view');
    if (!underWay) world.toCloud.push({ type: 'read', left: REQUEST_MS });
  }

  function attach(world: World): void {
    world.session += 1;
    world.written = 0;
    hand(world, { type: 'attach', session: sessionName(world.session) });
  }

  function falls(world: World, crash: boolean): void {
    world.toHub = [];
    world.toCloud = world.toCloud.flatMap((request) => (request.type === 'read' ? [] : [{ ...request, stale: true, left: REQUEST_MS }]));
    world.wills.push(world.session);
    hand(world, { type: 'detach' });
    if (!crash) return;
    world.hub = initialReport();
    world.commandWaits = world.command > 0;
    hand(world, { type: 'set', sections: sectionsOf(world.nodes), quiet: false });
  }

  function write(world: World, reported: object): void {
    world.shadow = { version: world.shadow.version + 1, reported: applyPatch(world.shadow.reported, reported as Record<string, unknown>) };
  }

  function takes(world: World, request: Request, answerLost: boolean): void {
    if (request.type === 'read') {
      const { version, reported } = world.shadow;
      if (!answerLost)
        world.toHub.push({ type: 'view', version, reported, settled: world.wills.length + world.rule.length === 0, left: request.left });
      // A comparison that was not answered is repeated after a heartbeat.
      else if (world.hub.held) world.owed = HEARTBEATS;
      return;
    }
    write(world, request.update.reported ?? {});
    if (request.stale) world.owed = HEARTBEATS;
    else if (!answerLost) world.toHub.push({ type: 'answered', op: request.op, version: world.shadow.version, left: request.left });
    else world.toHub.push({ type: 'failed', op: request.op, code: 'cloud_timeout', left: request.left });
  }

  function publishes(world: World, session: number): void {
    if (world.hub.session !== null) world.toHub.push({ type: 'refresh', left: REQUEST_MS });
    if (world.shadow.reported.session === sessionName(session)) world.rule.push(RULE_MS);
  }

  function receives(world: World, index: number): void {
    const message = world.toHub.splice(index, 1)[0]!;
    if (message.type === 'view') {
      // The shadow reader asks again when an update of our own has overtaken the answer.
      if (message.version < world.written) reads(world);
      else {
        const { reported, version, settled } = message;
        hand(world, { type: 'view', reported, version, bytes: 0, onlineAgeSeconds: settled ? OFFLINE_SETTLES_SECONDS : 0 });
      }
    } else if (message.type === 'failed') hand(world, { type: 'failed', op: message.op, error: new HubError(message.code, '') });
    else if (message.type === 'answered') hand(world, { type: 'answered', op: message.op, version: message.version });
    else hand(world, { type: 'refresh' });
  }

  return (now) => {
    const steps: Step[] = [];
    const add = (what: () => string, certain: boolean, change: (world: World) => void) => {
      const world = copyOf(now);
      change(world);
      steps.push({ world: canonical(world), certain, what });
    };
    const unlucky = (kind: keyof Luck, what: () => string, change: (world: World) => void) => {
      if (now.luck[kind] === 0) return;
      add(what, false, (world) => {
        world.luck[kind] -= 1;
        change(world);
      });
    };
    const up = now.hub.session !== null;

    if (!up) add(() => 'the link comes up', true, attach);
    for (const [index, message] of up ? now.toHub.entries() : [])
      add(
        () => `the hub receives ${JSON.stringify(message)}`,
        true,
        (world) => receives(world, index),
      );
    for (const [index, request] of now.toCloud.entries()) {
      const name = () => JSON.stringify(request);
      const taken = (change: (world: World) => void) => (world: World) => {
        world.toCloud.splice(index, 1);
        change(world);
      };
      add(
        () => `the cloud takes ${name()}`,
        true,
        taken((world) => takes(world, request, false)),
      );
      if (request.type === 'update' && request.stale) {
        add(
          () => `lost is ${name()}`,
          true,
          taken(() => {}),
        );
        continue;
      }
      unlucky(
        'faults',
        () => `the answer is lost to ${name()}`,
        taken((world) => takes(world, request, true)),
      );
      if (request.type === 'read') continue;
      const fails = (code: ErrorCode) => (world: World) => {
        world.toHub.push({ type: 'failed', op: request.op, code, left: request.left });
      };
      unlucky('faults', () => `lost on the way is ${name()}`, taken(fails('cloud_timeout')));
      unlucky('faults', () => `refused is ${name()}`, taken(fails('shadow_throttled')));
      unlucky(
        'faults',
        () => `late is ${name()}`,
        (world) => {
          world.toCloud[index] = { ...request, stale: true, left: REQUEST_MS };
          fails('cloud_timeout')(world);
        },
      );
      unlucky(
        'faults',
        () => `repeated is ${name()}`,
        (world) => void world.toCloud.push({ ...request, stale: true, left: REQUEST_MS }),
      );
    }
    for (const [index, will] of now.wills.entries())
      add(
        () => `the will of s${will} is published`,
        true,
        (world) => {
          world.wills.splice(index, 1);
          publishes(world, will);
        },
      );
    for (const index of now.rule.keys())
      add(
        () => 'the rule writes offline',
        true,
        (world) => {
          world.rule.splice(index, 1);
          write(world, { online: false });
        },
      );
    if (up && now.commandWaits)
      add(
        () => 'the command is answered',
        true,
        (world) => {
          world.commandWaits = false;
          hand(world, { type: 'job', job: { type: 'report', id: 1, lastCommand: commandOf(world) } });
        },
      );
    unlucky(
      'commands',
      () => 'a command ends',
      (world) => {
        world.command += 1;
        world.commandWaits = true;
      },
    );
    unlucky(
      'changes',
      () => 'the nodes change',
      (world) => {
        world.nodes = 1 - world.nodes;
        hand(world, { type: 'set', sections: sectionsOf(world.nodes), quiet: false });
      },
    );
    if (up) {
      unlucky(
        'falls',
        () => 'the link falls',
        (world) => falls(world, false),
      );
      unlucky(
        'crashes',
        () => 'the process dies',
        (world) => falls(world, true),
      );
    }
    for (const reported of [{ online: false }, { nodes: { total: 9 } }, { lastCommand: null }])
      unlucky(
        'foreign',
        () => `another client writes ${JSON.stringify(reported)}`,
        (world) => {
          world.owed = HEARTBEATS;
          write(world, reported);
        },
      );
    const due = dueMs(now.hub);
    if (due !== null && mayPass(now, Math.max(0, due))) {
      const long = due >= LONG_MS;
      if (!long || (now.owed > 0 && !steps.some(({ certain }) => certain)))
        add(
          () => `after ${due} ms a timer fires`,
          true,
          (world) => {
            if (long) world.owed -= 1;
            pass(world, Math.max(0, due));
            hand(world, { type: 'tick' });
          },
        );
    }
    return steps;
  };
}
