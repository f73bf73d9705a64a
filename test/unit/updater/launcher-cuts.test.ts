import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createReleaseHub, filesOf, leftovers, manifestOf, type ReleaseHub, selectAll } from './hub.ts';

const next = { 'hub-agent.cjs': 'agent next' };
const release = manifestOf(20, { ...filesOf('factory'), ...next });

/** Every program that the launcher has change something counts, and the power goes at the one of that number, in the midst of what it writes. */
const SUPPLY = `
calls=0
call() {
  calls=$((calls + 1))
  [ "$calls" != "$CUT" ] || [ -n "$BYTES" ] || kill -KILL $$
}
torn() {
  [ "$calls" != "$CUT" ] || [ -z "$BYTES" ] || { command printf "$@" | head -c "$BYTES"; kill -KILL $$; }
}
rm() { call; command rm "$@"; }
mv() { call; command mv "$@"; }
sync() { call; }
systemctl() { call; }
printf() { call; torn "$@"; command printf "$@"; }
echo() { call; torn '%s\\n' "$*"; command printf '%s\\n' "$*"; }
`;

/** Beyond the last call. */
const MAX_CALLS = 9;

interface Life {
  hub: ReleaseHub;
  cut: number;
  bytes: number | null;
  loses: boolean;
}

/** Runs the launcher of each with its cut, in one shell: to start one is most of the work. Gives those whose power went. */
function cutAll(lives: readonly Life[]): Life[] {
  const lines = lives.map(({ hub, cut, bytes }) => {
    const script = join(hub.root, 'launch-with-supply');
    writeFileSync(
      script,
      readFileSync(hub.launcher, 'utf8').replace('#!/bin/sh', () => SUPPLY),
    );
    return `CUT=${cut} BYTES=${bytes ?? ''} sh '${script}' select; echo $?`;
  });
  const codes = execFileSync('sh', ['-c', `exec 2> /dev/null\n${lines.join('\n')}`], { encoding: 'utf8' })
    .trim()
    .split('\n');
  return lives.filter((_, index) => codes[index] === '137');
}

function onTrial(starts: number): ReleaseHub {
  const hub = createReleaseHub();
  hub.request(release, { files: next });
  hub.run();
  if (starts > 0) writeFileSync(join(hub.releases, 'count'), `20 1 ${starts} ${hub.machine.bootId} 100\n`);
  return hub;
}

test('The power goes at every call of the launcher: the next boot starts the trial, which is committed; nothing is left', () => {
  const lives = Array.from({ length: MAX_CALLS }, (_, index) => index + 1).flatMap((cut): Life[] => [
    { hub: onTrial(0), cut, bytes: null, loses: false },
    { hub: onTrial(0), cut, bytes: null, loses: true },
    { hub: onTrial(3), cut, bytes: null, loses: false },
    { hub: onTrial(0), cut, bytes: 3, loses: false },
  ]);
  const kept = new Map(lives.map(({ hub }) => [hub, join(hub.root, 'before')]));
  for (const [{ releases }, before] of kept) cpSync(releases, before, { recursive: true });
  const dark = cutAll(lives);
  expect(new Set(dark.map(({ cut }) => cut)).size).toBeGreaterThan(7);
  for (const { hub, loses } of dark) {
    if (loses) {
      rmSync(hub.releases, { recursive: true });
      cpSync(kept.get(hub)!, hub.releases, { recursive: true });
    }
    hub.boot();
  }
  const hubs = dark.map(({ hub }) => hub);
  const where = ({ cut, bytes, loses }: Life) => `call ${cut}, ${bytes ?? 'no'} bytes, ${loses ? 'without' : 'with'} what was not flushed`;
  selectAll(hubs);
  for (const life of dark) {
    expect(life.hub.chosen(), where(life)).toBe('20 trial');
    life.hub.confirm(20, 'healthy');
    life.hub.run();
  }
  selectAll(hubs);
  for (const life of dark) {
    expect(life.hub.chosen(), where(life)).toBe('20 committed');
    const left = leftovers(life.hub).filter((name) => name !== 'count.new');
    expect(left, where(life)).toEqual([]);
  }
});

test('Cut after cut at one call of the launcher: a trial ends, and what was committed starts', () => {
  const lives = Array.from({ length: MAX_CALLS }, (_, index): Life => ({ hub: onTrial(0), cut: index + 1, bytes: null, loses: false }));
  for (let boot = 0; boot < 5; boot += 1) {
    cutAll(lives);
    for (const { hub } of lives) hub.boot();
  }
  const hubs = lives.map(({ hub }) => hub);
  for (let start = 0; start < 4; start += 1) selectAll(hubs);
  for (const { hub, cut } of lives) {
    expect(hub.chosen(), `call ${cut}`).toBe('0 committed');
    hub.run();
    expect(hub.state().trial, `call ${cut}`).toBeNull();
  }
});
