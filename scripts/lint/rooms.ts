/**
 * Who may import whom. A room is a folder, or one file; of several that match, the longest applies. What a room may import is listed here and nothing
 * else: a new folder starts with no rights, so that its place in the house is a decision.
 * Every room may import itself, packages, and what lies beside a test (`package.json`).
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  // The agent, from the inside out.
  'agent/system': ['package.json'],
  'agent/contract': ['agent/system'],
  'agent/state': ['agent/system', 'agent/contract'],
  // What a release is, for those who make, fetch, install and show it.
  'agent/release': [],
  // Root's side of an update: it shares the form of releases with the rest, and no line more.
  'agent/updater': ['agent/release'],
  // The agent's side of a trial.
  'agent/trial': ['agent/system', 'agent/contract', 'agent/release'],
  'agent/config': ['agent/system', 'agent/contract', 'systemd/schema'],
  'agent/cloud': ['agent/system', 'agent/contract', 'agent/state'],
  'agent/commands': ['agent/system', 'agent/contract', 'agent/state'],
  'agent/nodes': ['agent/system', 'agent/contract', 'agent/state'],
  'agent/wifi': ['agent/system', 'agent/contract', 'agent/state'],
  'agent/health': ['agent/system', 'agent/contract'],
  'agent/update': ['agent/system', 'agent/contract', 'agent/state', 'agent/release'],
  'agent/control': ['agent/system', 'agent/contract', 'agent/state', 'agent/health'],
  'agent/hubctl': ['agent/system', 'agent/contract', 'agent/state', 'agent/config', 'agent/control', 'agent/health', 'agent/release'],
  'agent/compose': ['agent'],
  'agent/main.ts': ['agent/compose', 'agent/config', 'agent/control', 'agent/system'],
  'agent/hubctl.ts': ['agent/compose', 'agent/hubctl', 'agent/system'],
  'agent/updater.ts': ['agent/release', 'agent/updater'],

  // Tools that ship or make the agent know it; none of them knows a test.
  'scripts/lint': [],
  'scripts/processes.ts': [],
  'scripts/bundle': [],
  'scripts/build.ts': ['agent/hubctl', 'agent/system', 'scripts/hubctl', 'scripts/bundle'],
  'scripts/schemas.ts': ['agent/config', 'scripts/without-arguments.ts'],
  'scripts/audit.ts': ['scripts/package', 'scripts/without-arguments.ts'],
  'scripts/without-arguments.ts': [],
  'scripts/hubctl': ['agent/hubctl'],
  'scripts/git-work-tree.ts': [],
  'scripts/package': ['agent/system', 'agent/state', 'agent/release', 'scripts/git-work-tree.ts'],
  'scripts/release': ['agent/system', 'agent/release', 'agent/update/job-document.ts', 'scripts/package', 'scripts/git-work-tree.ts'],
  // What is flashed is proven with the SDK as the agent will load it.
  'scripts/flash': [
    'agent/system',
    'agent/contract',
    'agent/config',
    'agent/state',
    'agent/cloud/connection/tls-context.ts',
    'scripts/processes.ts',
    'scripts/git-work-tree.ts',
  ],
  // The demo is the harness on show: the rig of the tests, and the twins.
  'scripts/demo': ['agent/contract', 'agent/system', 'agent/hubctl/terminal', 'test/hil/rig', 'test/twins'],
  // The page on the demo: it looks on, and works the same switches. What runs in the browser knows the events and nothing of Node.
  'scripts/demo/page': [
    'agent/contract',
    'agent/system',
    'test/hil/rig',
    'test/twins',
    'scripts/demo/world.ts',
    'scripts/demo/screen.ts',
    'scripts/demo/ending.ts',
    'scripts/without-arguments.ts',
  ],
  'scripts/demo/page/model': [],
  'scripts/demo/page/app': ['scripts/demo/page/model'],

  // Twins are independent of what they test: they share its clock and its errors, and no codec.
  'test/twins': ['agent/system/clock.ts', 'agent/system/errors.ts', 'test/support'],
  // Its model of a hub's network side speaks in the words of the port, since the unit tests drive the model through the port too.
  'test/twins/network-manager': ['agent/system', 'agent/wifi/networkmanager/network-manager.ts', 'test/support'],
  'test/support': ['agent/system', 'agent/contract'],
  'test/setup.ts': [],
  'test/everywhere': [],
  'test/unit': ['agent', 'scripts', 'test'],
  'test/hil': ['agent', 'scripts', 'test'],
  'test/page': ['agent', 'scripts', 'test'],
  'test/bench': ['agent', 'scripts', 'test'],
  'test/vm': ['agent/system', 'agent/release', 'scripts/processes.ts', 'test/twins', 'test/support'],
  // The demo's page on a virtual hub.
  'test/vm/page': ['agent/system', 'scripts/demo/page', 'test/vm', 'test/twins'],
};

/** Rooms that only the rooms named here may import, in spite of what is allowed above. */
const CLOSED: Readonly<Record<string, readonly string[]>> = {
  'agent/hubctl': ['agent/hubctl', 'agent/hubctl.ts', 'agent/compose', 'scripts/build.ts', 'scripts/hubctl', 'scripts/demo', 'test'],
  'agent/compose': ['agent/compose', 'agent/main.ts', 'agent/hubctl.ts', 'test'],
};

/** Modules of Node that the agent reaches through a port, and the rooms of the agent that may import them. */
const MODULES: Readonly<Record<string, { rooms: readonly string[]; instead: string }>> = {
  zod: {
    // Where it explains a configuration to people. It would take 6 MB of an agent that has nothing to explain.
    rooms: ['agent/config', 'agent/hubctl'],
    instead: 'use agent/system/schema.ts',
  },
  'node:fs': {
    // The control socket is a file by its nature: it is made, given its mode, and removed.
    // The parts of a release are streamed. Root's updater has a port of its own, call by call, so that a test can cut the power between any two.
    rooms: ['agent/system', 'agent/control/socket-file.ts', 'agent/updater/disk.ts', 'agent/release/part-file.ts'],
    instead: 'use the ports agent/system/files.ts, agent/system/paths.ts or agent/system/links.ts: a test puts others in their place',
  },
};

const within = (path: string, room: string): boolean => path === room || path.startsWith(`${room}/`);

/** The room of a file; null: it lies in none, and may import nothing. */
export function roomOf(path: string): string | null {
  const rooms = Object.keys(ROOMS).filter((room) => within(path, room));
  return rooms.sort((a, b) => b.length - a.length)[0] ?? null;
}

/** Why a file may not import another; null: it may. Paths are relative to the project's root. */
export function objection(from: string, to: string): string | null {
  const room = roomOf(from);
  if (room === null) return `${from} lies in no room: give its folder a row in scripts/lint/rooms.ts`;
  for (const [closed, guests] of Object.entries(CLOSED)) {
    if (within(to, closed) && !guests.some((guest) => within(from, guest))) return `only ${guests.join(', ')} may import ${closed}`;
  }
  if (within(to, room) || ROOMS[room]!.some((allowed) => within(to, allowed))) return null;
  return `${room} may import ${[...ROOMS[room]!, 'itself'].join(', ')}`;
}

/** Why a file may not import a module of Node or a package; null: it may. */
export function moduleObjection(from: string, name: string): string | null {
  const module = Object.entries(MODULES).find(([each]) => within(name, each))?.[1];
  if (!module || !within(from, 'agent') || module.rooms.some((room) => within(from, room))) return null;
  return module.instead;
}
