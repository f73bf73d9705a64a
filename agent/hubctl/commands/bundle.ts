import { resolve } from 'node:path';
import type { TarEntry } from '../../system/tar.ts';
import { bytes, utc } from '../../system/units.ts';
import type { Command } from '../cli/command.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { say } from '../cli/failure.ts';

/** One text; of logs the end counts. With all texts at their bound the archive stays below 16 MB, packed far below what mail takes. */
const MAX_TEXT_BYTES = 1_000_000;
const MAX_BUNDLE_BYTES = 10_000_000;

function bounded(text: string): Buffer {
  const data = Buffer.from(text, 'utf8');
  return data.length <= MAX_TEXT_BYTES
    ? data
    : Buffer.concat([Buffer.from('[the beginning was left out]\n'), data.subarray(data.length - MAX_TEXT_BYTES)]);
}

export const bundleCommand: Command = {
  name: 'bundle',
  summary: 'One file for support: state, logs, configuration, findings; without secrets',
  usage: '[--output FILE] [--allow-unknown-secrets]',
  details: [
    'Every known secret of the hub is removed. Before the file is written, it is searched again for each secret in every spelling.',
    'Without the right to read the secrets (use sudo) the command refuses; --allow-unknown-secrets writes the bundle nevertheless.',
  ],
  example: 'sudo hubctl bundle --output /tmp/hub.tar.gz',
  options: { output: { type: 'string', short: 'o' }, 'allow-unknown-secrets': { type: 'boolean' } },
  async run(context) {
    const { terminal, json, options, ports, places } = context;
    const nowMs = ports.wallClock.nowMs();
    const folder = `hub-bundle-${utc(nowMs).slice(0, 19).replace(/[- :]/g, '')}`;
    const usualName = `${folder}.tar.gz`;
    const path = resolve(typeof options.output === 'string' ? options.output : usualName);
    if (!json) terminal.error('Collecting; this takes some seconds …');
    const [{ gzipSync }, { collectBundle }, { createRedactor }, { packTar }] = await Promise.all([
      import('node:zlib'),
      import('../bundle/collect.ts'),
      import('../bundle/redact.ts'),
      import('../../system/tar.ts'),
    ]);
    const { secrets, unread } = await ports.secrets(places);
    if (unread.length > 0 && options['allow-unknown-secrets'] !== true) {
      say(
        terminal,
        `hubctl: ${unread.join(', ')} cannot be read, so what is secret there cannot be kept out of the bundle. Nothing was written.`,
      );
      say(terminal, 'do: sudo hubctl bundle (or --allow-unknown-secrets, and look through the bundle before you send it)');
      return EXIT.forbidden;
    }
    const texts = await collectBundle(context);
    const redactor = createRedactor(secrets);
    const entries: TarEntry[] = texts.map(({ name, text }) => ({
      path: `${folder}/${name}`,
      kind: 'file',
      mode: 0o600,
      data: bounded(redactor.redact(text)),
    }));
    const leaking = entries.filter(({ data }) => redactor.holdsSecret(data.toString('utf8')));
    if (leaking.length > 0) {
      say(terminal, `hubctl: a secret is left in ${leaking.map(({ path }) => path).join(', ')}. Nothing was written.`);
      return EXIT.bug;
    }
    const packed = gzipSync(packTar(entries, Math.floor(nowMs / 1000)));
    if (packed.length > MAX_BUNDLE_BYTES) {
      say(terminal, `hubctl: the bundle would have ${bytes(packed.length)}. Nothing was written.`);
      return EXIT.bug;
    }
    await ports.writeNew(path, packed, usualName);
    const summary = { path, bytes: packed.length, files: entries.length, secretsLookedFor: secrets.length, unread };
    terminal.out(
      json
        ? JSON.stringify(summary)
        : `${path}\n${bytes(packed.length)}, ${entries.length} files; ${secrets.length} known secrets looked for, none is in it.${unread.length === 0 ? '' : ` Not looked for: what is in ${unread.join(', ')}.`}`,
    );
    return EXIT.ok;
  },
};
