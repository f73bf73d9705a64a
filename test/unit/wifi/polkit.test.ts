import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { POLKIT_ACTION } from '../../../agent/wifi/networkmanager/network-manager.ts';

type Rule = (action: { id: string }, subject: { user: string }) => unknown;

function loadRule(): Rule {
  const text = readFileSync(new URL('../../../systemd/polkit/50-hub-agent.rules', import.meta.url), 'utf8');
  let rule: Rule = () => 'no rule';
  const addRule = (added: Rule) => {
    rule = added;
  };
  const polkit = { Result: { YES: 'yes', NOT_HANDLED: null }, addRule };
  runInNewContext(text, { polkit });
  return rule;
}

test('the polkit rule gives the agent what it needs', () => {
  const rule = loadRule();
  for (const id of Object.values(POLKIT_ACTION)) expect(rule({ id }, { user: 'hub-agent' }), id).toBe('yes');
});

test('and nothing else, and nobody else anything', () => {
  const rule = loadRule();
  for (const id of [
    'org.freedesktop.NetworkManager.enable-disable-wifi',
    'org.freedesktop.NetworkManager.reload',
    'org.freedesktop.systemd1.manage-units',
  ]) {
    expect(rule({ id }, { user: 'hub-agent' }), id).toBeNull();
  }
  for (const id of Object.values(POLKIT_ACTION)) expect(rule({ id }, { user: 'nobody' }), id).toBeNull();
});
