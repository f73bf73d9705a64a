import { attemptsText, zigbeeFindings } from '../../health/zigbee.ts';
import { type Check, catalogued, ok, skipped } from './check.ts';
import { unconfigured } from './unconfigured.ts';

export const zigbeeCheck: Check = {
  name: 'zigbee',
  why: 'A network that is lost means that every lock has to be paired again.',
  async run(context) {
    const { settings, agent } = context;
    if (!settings.buses.some(({ protocol }) => protocol === 'zigbee')) return unconfigured(context, 'buses', 'Zigbee bus');
    const { status } = await agent();
    if (!status?.zigbee) return skipped('only the agent knows its networks');
    const found = zigbeeFindings(status).map(catalogued);
    if (found.length > 0) return found;
    return status.zigbee.map((network) => {
      const { bus, stage, state, devices } = network;
      const attempts = attemptsText(network);
      const tried = attempts === null ? '' : `; attempts to start it: ${attempts}`;
      if (stage === 'none') return skipped(`${bus}: no network is formed yet${tried}`);
      return ok(`${bus}: the network is ${state === 'up' ? 'up' : 'kept'}, with ${devices} devices${tried}`);
    });
  },
};
