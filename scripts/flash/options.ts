import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError } from './problems.ts';

const DEFAULT_MIN_DAYS = 90;
/** This machine, as WHATWG URLs spell it. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

export const USAGE = `usage: npm run flash -- --manifest FILE --output DIR --config agent.json [options]
       npm run flash -- --manifest FILE --output DIR --generate

Gives hubs their identity. The manifest (CSV with a header line, or a JSON list) has hubId, serial, model, vendorName, thingName (default: hubId),
certificate and key (paths of PEM files, from the manifest's folder). All rows are checked before the first hub is written.

  --config FILE        agent.json of the batch; the authorities that it names lie beside it
  --output DIR         the batch's folder: hubs/, provision/ (ProvisionHub requests), records/, report.json
  --root DIR           writes into this mounted root, in place of hubs/; the manifest then has one hub, or name it with --hub
  --image FILE         writes copies of this image, one a hub; --offset BYTES where its ext4 file system begins (default: 0). Needs debugfs
  --hub ID             only this hub of the manifest
  --generate           makes P-256 keys and certificate requests in requests/HUBID/ and ends; put certificate.pem beside them,
                       leave certificate and key empty in the manifest, and flash
  --provision URL      sends the ProvisionHub requests to the API (https); --api-key-file FILE, or - for standard input
  --min-days N         minimum remaining validity of a certificate, in days (default: ${DEFAULT_MIN_DAYS})
  --allow-git-work-tree  lets keys be written into a git work tree, from where they may be committed
  --replace            writes hubs again that were flashed before
  --help

A run that was cut is repeated with the same arguments: what is done stays, nothing is done twice.
exit codes: 0 all are flashed (and provisioned, with --provision), 1 some are not, 64 wrong usage, 65 the input was refused and no hub was written,
            69 a program is missing
`;

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      manifest: { type: 'string' },
      output: { type: 'string' },
      config: { type: 'string' },
      root: { type: 'string' },
      image: { type: 'string' },
      offset: { type: 'string', default: '0' },
      hub: { type: 'string' },
      generate: { type: 'boolean', default: false },
      provision: { type: 'string' },
      'api-key-file': { type: 'string' },
      'min-days': { type: 'string', default: String(DEFAULT_MIN_DAYS) },
      'allow-git-work-tree': { type: 'boolean', default: false },
      replace: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }).values;
}

/** The API's address as it is used. The key goes there, so the connection must be private. An address that is refused is not repeated: it may hold a secret. */
function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && (url.username !== '' || url.password !== '')) {
    throw new UsageError('--provision: the address holds a user or a password. Leave them out; the key comes by --api-key-file.');
  }
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.test(url.hostname));
  if (!url || !isSafe) {
    throw new UsageError('--provision: an https:// address is needed, for the key goes there (http:// on this machine only).');
  }
  if (url.search !== '' || url.hash !== '') throw new UsageError('--provision: leave out what follows ? or #.');
  return url.href;
}

/** What the program was asked for; null for help. @throws UsageError */
export function readOptions(args: readonly string[]) {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (values.help) return null;
  const { manifest, output, config } = values;
  if (manifest === undefined || output === undefined) throw new UsageError('--manifest and --output are needed.');
  if (config === undefined && !values.generate) throw new UsageError('--config is needed.');
  if (values.root !== undefined && values.image !== undefined) throw new UsageError('Choose --root or --image.');
  if ((values.provision === undefined) !== (values['api-key-file'] === undefined)) {
    throw new UsageError('--provision and --api-key-file go together.');
  }
  const number = (name: 'offset' | 'min-days') => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 0) throw new UsageError(`--${name} ${values[name]}: a whole number is needed.`);
    return value;
  };
  const provision = values.provision === undefined ? undefined : checkedUrl(values.provision);
  return {
    ...values,
    manifest,
    output: resolve(output),
    config: config ?? '',
    provision,
    offset: number('offset'),
    minDays: number('min-days'),
  };
}

export type Options = NonNullable<ReturnType<typeof readOptions>>;
