// Loaded before the agent and the updater: stops the program in the call that /run/hold-at names while that file says so, and tells it, so that
// the power can be cut there. One line: PROGRAM CALL before|after PATTERN.
'use strict';
const fs = require('node:fs');

const POLL_MS = 200;
const { readFileSync, writeSync } = fs;
const program = /([a-z-]+)\.cjs$/.exec(process.argv[1] ?? '')?.[1];

function wanted(call, args) {
  let words;
  try {
    words = readFileSync('/run/hold-at', 'utf8').trim().split(' ');
  } catch {
    return null;
  }
  const [who, what, when, pattern] = words;
  const paths = args.filter((arg) => typeof arg === 'string').join(' ');
  return who === program && what === call && new RegExp(pattern).test(paths) ? when : null;
}

const say = (call) => writeSync(2, `held at ${program} ${call}\n`);

for (const call of ['openSync', 'readFileSync', 'renameSync', 'rmSync', 'unlinkSync']) {
  const original = fs[call];
  fs[call] = (...args) => {
    const when = wanted(call, args);
    const hold = () => {
      say(call);
      while (wanted(call, args)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
    };
    if (when === 'before') hold();
    const result = original(...args);
    if (when === 'after') hold();
    return result;
  };
}

const { rename } = fs.promises;
fs.promises.rename = async (...args) => {
  const when = wanted('rename', args);
  const hold = async () => {
    say('rename');
    while (wanted('rename', args)) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  };
  if (when === 'before') await hold();
  await rename(...args);
  if (when === 'after') await hold();
};
