import { chmod, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { locate } from '../../../../agent/hubctl/cli/locate.ts';
import { createFiles } from '../../../../agent/system/files.ts';
import { createPaths } from '../../../../agent/system/paths.ts';
import { BUS, createDenied, type Fault, host, stateWithMode } from '../examine.ts';

/** Faults of the configuration, of the files beside it and of the disk, and what the doctor must say of each. */
export const FILES_FAULTS: readonly Fault[] = [
  {
    what: 'something in the configuration that may go wrong',
    check: 'config',
    status: 'warn',
    ports: () => ({
      configFaults: async () => ({
        problems: [],
        warnings: [
          {
            file: '/x/identity.json',
            field: 'certificatePath',
            message: 'the clock is not set',
            remedy: 'Wait.',
            reason: 'clock_unset' as const,
          },
        ],
        unreadable: [],
        hubId: null,
      }),
    }),
    finding: /identity\.json: certificatePath: the clock is not set/,
    remedy: /Wait/,
  },
  {
    what: 'a key file with a fault, at which the agent would not start',
    check: 'config',
    config: { buses: [{ ...BUS, keysPath: 'keys.json' }] },
    make: (_rig, etc) => writeFile(join(etc, 'keys.json'), '{', { mode: 0o600 }),
    finding: /buses\[0\]\.keysPath: .*not JSON/,
    remedy: /Correct .*keys\.json/,
  },
  {
    what: 'a file of the configuration that only root may read, as no fault',
    check: 'config',
    status: 'skipped',
    ports: () => createDenied('private.key'),
    finding: /private\.key cannot be read: use sudo/,
    remedy: /^$/,
  },
  {
    what: 'a misspelt key in the configuration',
    check: 'config',
    config: { cloud: { endpont: 'x' } },
    finding: /agent\.json: cloud\.endpont/,
    remedy: /endpoint/,
  },
  {
    what: 'a private key that is not there',
    check: 'files',
    make: (_rig, etc) => rm(join(etc, 'private.key')),
    finding: /private key .*private\.key is missing/,
    remedy: /mode 0600/,
  },
  { what: 'no state directory', check: 'files', status: 'warn', finding: /state directory .* is missing/, remedy: /systemctl start/ },
  {
    what: 'a file in place of the state directory',
    check: 'files',
    make: (rig) => writeFile(join(rig.folder, 'state'), ''),
    finding: /state is no directory/,
    remedy: /mv .*state\.old/,
  },
  {
    what: 'a state directory of another user',
    check: 'files',
    ports: async (rig) => {
      await writeFile(join(rig.folder, 'passwd'), 'hub-agent:x:61234:61234::/:\n');
      const etc = join(rig.folder, 'etc');
      // It belongs to who runs this test, which the service's user is not; the owner is judged below /var/lib alone.
      const places = await locate(
        { config: join(etc, 'agent.json'), identity: join(etc, 'identity.json') },
        { env: {}, files: createFiles(), paths: createPaths() },
      );
      return { places: { ...places, stateDirectory: `/var/lib/../..${etc}` } };
    },
    finding: new RegExp(`belongs to uid ${process.getuid?.()}, not to hub-agent`),
    remedy: /chown -Rh hub-agent/,
  },
  {
    what: 'a socket that everybody may open',
    check: 'files',
    status: 'warn',
    make: async (rig) => {
      const path = join(rig.folder, 'control.sock');
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(path, resolve));
      server.unref();
      await chmod(path, 0o666);
    },
    finding: /control\.sock has mode 0666, not 0660/,
    remedy: /restart/,
  },
  {
    what: 'a private key that others can read',
    check: 'files',
    make: (_rig, etc) => chmod(join(etc, 'private.key'), 0o644),
    finding: /private\.key has mode 0644/,
    remedy: /chmod 0600/,
  },
  {
    what: 'a key file that others can read',
    check: 'files',
    config: { buses: [{ ...BUS, keysPath: 'keys.json' }] },
    make: (_rig, etc) => writeFile(join(etc, 'keys.json'), '{}', { mode: 0o640 }),
    finding: /keys\.json has mode 0640/,
    remedy: /chmod 0600/,
  },
  {
    what: 'a state directory that others can read',
    check: 'files',
    status: 'warn',
    make: stateWithMode(0o755),
    finding: /mode 0755/,
    remedy: /chmod 0700/,
  },
  {
    what: 'a state directory that cannot be written',
    check: 'files',
    make: stateWithMode(0o500),
    finding: /cannot write/,
    remedy: /chmod 0700/,
  },
  {
    what: 'a file in place of the socket',
    check: 'files',
    make: (rig) => writeFile(join(rig.folder, 'control.sock'), ''),
    finding: /no socket/,
    remedy: /mv .*control\.sock/,
  },
  {
    what: 'a full disk',
    check: 'disk',
    ports: () => host({ disk: { totalBytes: 8e9, availableBytes: 1e6 } }),
    finding: /is full/,
    remedy: /vacuum/,
  },
  {
    what: 'a disk that fills up',
    check: 'disk',
    status: 'warn',
    ports: () => host({ disk: { totalBytes: 8e9, availableBytes: 2e7 } }),
    finding: /nearly full/,
    remedy: /df -h/,
  },
];
