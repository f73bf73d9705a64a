import { readFileSync } from 'node:fs';

/** The part of an AWS policy that these tests need. */
export interface Statement {
  Effect: 'Allow' | 'Deny';
  Action: string | string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, unknown>>;
}

/** AWS's policy variable of the Thing whose name is the client id and that the certificate is attached to. */
export const THING_VARIABLE = ['$', '{iot:Connection.Thing.ThingName}'].join('');

const FOLDER = new URL('../../../scripts/aws/', import.meta.url);
/** One of the longest names there are. */
const REGION = 'ap-southeast-1';
export const ACCOUNT = '123456789012';

/** A file of `scripts/aws`, filled as its README says. */
export function filledText(name: string): string {
  return readFileSync(new URL(name, FOLDER), 'utf8').replaceAll('REGION', REGION).replaceAll('ACCOUNT', ACCOUNT);
}

export function statementsOf(name: string): Statement[] {
  return (JSON.parse(filledText(name)) as { Statement: Statement[] }).Statement;
}

const list = (value: string | string[]) => (Array.isArray(value) ? value : [value]);

/** AWS's comparison: `*` stands for any characters, slashes too; everything else, `+` and `#` as well, for itself. */
function matchesResource(pattern: string, resource: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(resource);
}

/** Whether the statements let a hub do this: `resource` is such as `topic/hubs/x/presence`. Conditions are not looked at. */
export function allows(statements: Statement[], thing: string, action: string, resource: string): boolean {
  const arn = `arn:aws:iot:${REGION}:${ACCOUNT}:${resource}`;
  const fits = ({ Action, Resource }: Statement) =>
    list(Action).includes(action) && list(Resource).some((pattern) => matchesResource(pattern.replaceAll(THING_VARIABLE, thing), arn));
  const matching = statements.filter(fits);
  return matching.some(({ Effect }) => Effect === 'Allow') && !matching.some(({ Effect }) => Effect === 'Deny');
}
