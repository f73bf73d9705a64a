import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Guest } from './guest.ts';

/** A place where a secret stood. The secret itself is named by its label only. */
export interface Finding {
  label: string;
  place: string;
}

/** Looks for secrets in all that a run left behind. */
export interface Evidence {
  /** The journal as text, this boot and those before. */
  journal(unit?: string): Promise<string>;
  /**
   * Searches for each text, and its hexadecimal and base64 forms, in: the record of all program starts (their arguments), the live
   * processes' arguments and environments, the journal (text, raw, and what boots before a power cut had said), and files. Where
   * NetworkManager keeps its profiles, and the access points their own keys, is not searched.
   */
  find(secrets: { label: string; text: string }[]): Promise<Finding[]>;
}

export interface EvidenceDeps {
  guest: Guest;
  file(name: 'execTrace' | 'journal' | 'console'): string;
}

/** Folders with files that a run may have written. */
const SEARCHED = '/etc /var /run /tmp /home /root /srv /usr/lib/hub-agent /dev/shm';
/** Where a Wi-Fi password belongs, and the harness's own folders. */
const EXCLUDED = ['/etc/NetworkManager/system-connections', '/run/NetworkManager/system-connections', '/var/lib/air', '/run/virtual-hub'];
const SEARCH_TIMEOUT_MS = 180_000;

function formsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  return [text, bytes.toString('hex'), bytes.toString('hex').toUpperCase(), bytes.toString('base64').replace(/=+$/, '')];
}

/** The record of a program start without what follows the end of its argument list, which is memory of the caller. */
export function argumentsOf(line: string): string {
  return line.replace(/ p\d+=0x0( .*)?$/, '');
}

/** Whether a program was started with one of the texts among its arguments. */
async function traceHolds(path: string, texts: string[]): Promise<boolean> {
  const wanted = texts.map((text) => Buffer.from(text).toString('latin1'));
  for await (const line of createInterface({ input: createReadStream(path, 'latin1') })) {
    const given = argumentsOf(line);
    if (wanted.some((text) => given.includes(text))) return true;
  }
  return false;
}

/** Whether a file holds one of the texts; the file may be larger than memory. */
async function fileHolds(path: string, texts: string[]): Promise<boolean> {
  const overlap = Math.max(...texts.map((text) => Buffer.byteLength(text)));
  let tail = Buffer.alloc(0);
  for await (const chunk of createReadStream(path)) {
    const block = Buffer.concat([tail, chunk as Buffer]);
    if (texts.some((text) => block.includes(text))) return true;
    tail = block.subarray(-overlap);
  }
  return false;
}

/** What one machine leaves behind. */
export function createEvidence(deps: EvidenceDeps): Evidence {
  const { guest } = deps;
  return {
    journal: (unit) => guest.must(`journalctl --no-pager -o short-precise ${unit === undefined ? '' : `-u ${unit}`}`),

    async find(secrets) {
      const findings: Finding[] = [];
      for (const { label, text } of secrets) {
        const forms = formsOf(text);
        if (await traceHolds(deps.file('execTrace'), forms)) findings.push({ label, place: 'execTrace' });
        for (const name of ['journal', 'console'] as const) {
          if (await fileHolds(deps.file(name), forms)) findings.push({ label, place: name });
        }
        // Patterns come through standard input, so that this search is not what the next one finds.
        const prune = EXCLUDED.map((path) => `-path ${path}`).join(' -o ');
        const script = [
          'patterns=/run/virtual-hub/patterns; umask 077; cat > $patterns',
          `find ${SEARCHED} -xdev \\( ${prune} \\) -prune -o -type f -print0 2> /dev/null | xargs -0r grep -laF -f $patterns 2> /dev/null`,
          'grep -laF -f $patterns /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2> /dev/null',
          'journalctl --no-pager -a -o export | grep -qaF -f $patterns && echo journal',
          'rm -f $patterns',
        ].join('\n');
        const found = await guest.must(script, { input: `${forms.join('\n')}\n`, timeoutMs: SEARCH_TIMEOUT_MS });
        for (const place of found.split('\n')) if (place !== '') findings.push({ label, place });
      }
      return findings;
    },
  };
}
