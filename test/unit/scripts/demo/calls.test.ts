import { expect, test } from 'vitest';
import { parseGetNodesArgs } from '../../../../agent/contract/get-nodes-args.ts';
import { parseWifiArgs } from '../../../../agent/contract/wifi-args.ts';
import { calls } from '../../../../scripts/demo/page/calls.ts';
import { checkClaimBody, checkProvisionBody } from '../../../twins/cloud-api/bodies.ts';

const HUB = '00000000-0000-4000-8000-000000000001';
const offered = calls({ hubId: HUB, siteId: 'site-1', orgId: 'org', ssid: 'Office' });

/** What is refused of values of a type that no field has. */
function refused(check: (fields: Record<string, unknown>) => unknown, names: readonly string[]): string[] {
  const wrong = Object.fromEntries(names.map((name) => [name, [7]]));
  try {
    const { problems } = check(wrong) as { problems: { field: string }[] };
    return problems.map(({ field }) => field);
  } catch (error) {
    return (error as { details: { field: string }[] }).details.map(({ field }) => field);
  }
}

const CHECKS: Readonly<Record<string, (fields: Record<string, unknown>) => unknown>> = {
  get_nodes: parseGetNodesArgs,
  server_info: () => ({ problems: [] }),
  set_wifi_credentials: parseWifiArgs,
  ProvisionHub: (fields) => checkProvisionBody({ hubId: HUB, ...fields }, HUB),
  ClaimHub: (fields) => checkClaimBody({ hubId: HUB, ...fields }, HUB),
};

test.each(offered.map((each) => [each.command ?? each.call, each] as const))(
  '%s: each field of the form is one that is checked',
  (name, { schema }) => {
    const names = Object.keys(schema.properties);
    expect(refused(CHECKS[name]!, names).toSorted()).toEqual(names.toSorted());
    expect(names).toEqual(expect.arrayContaining([...schema.required]));
  },
);

test('what is required is what the hub and the API miss', () => {
  const missing = (name: string) => offered.find(({ command, call }) => (command ?? call) === name)!.schema.required;
  expect(refused(() => parseWifiArgs({}), [])).toEqual(missing('set_wifi_credentials'));
  expect(refused(() => checkProvisionBody({ hubId: HUB }, HUB), [])).toEqual(missing('ProvisionHub'));
  expect(refused(() => checkClaimBody({ hubId: HUB }, HUB), [])).toEqual(missing('ClaimHub'));
});
