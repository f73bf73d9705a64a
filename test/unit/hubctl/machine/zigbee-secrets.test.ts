import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Places } from '../../../../agent/hubctl/cli/locate.ts';
import { findSecrets } from '../../../../agent/hubctl/machine/secrets.ts';
import { createPaths } from '../../../../agent/system/paths.ts';

const KEY = '00112233445566778899aabbccddeeff';

test.each(['network.json', 'backup.copy', 'coordinator_backup.json', 'previous/network.json', 'previous.new/network.json'])(
  'the key of a Zigbee network is found in %s, in each of its spellings',
  async (name) => {
    const root = mkdtempSync(join(tmpdir(), 'zigbee-secrets-'));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    const path = join(root, 'zigbee/zb', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify({ networkKey: KEY }));
    const places = {
      stateDirectory: root,
      config: {},
      identity: {},
      unreadable: [],
      credentialsDirectory: root,
    } as Partial<Places> as Places;
    const { secrets } = await findSecrets(places, createPaths(), []);
    const texts = secrets.map((secret) => secret.reveal());
    expect(texts).toContain(KEY);
    expect(texts).toContain([...Buffer.from(KEY, 'hex')].join(','));
  },
);
