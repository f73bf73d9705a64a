import { type ParseArgsConfig, parseArgs } from 'node:util';

/** What a benchmark reads from its command line: a text for each default that is a text, a flag for each that is false; and `--json`. */
type Values<Defaults> = { json: boolean } & { [Name in keyof Defaults]: Defaults[Name] extends boolean ? boolean : string };

/** The options of a benchmark. Null after `--help`, which prints the usage. @throws TypeError for an option that it does not have */
export function readOptions<Defaults extends Record<string, string | false>>(
  args: readonly string[],
  usage: string,
  defaults: Defaults,
): Values<Defaults> | null {
  const flag = { type: 'boolean', default: false } as const;
  const options: NonNullable<ParseArgsConfig['options']> = { json: flag, help: flag };
  for (const [name, value] of Object.entries(defaults)) options[name] = value === false ? flag : { type: 'string', default: value };
  const values: Record<string, unknown> = parseArgs({ args: [...args], options }).values;
  if (values.help !== true) return values as Values<Defaults>;
  process.stdout.write(usage);
  return null;
}
