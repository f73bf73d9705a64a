import type { ApsFrame } from './air.ts';
import { createReader, u8 } from './bytes.ts';
import { answerGeneral, type Cluster } from './cluster.ts';
import { decodeZcl, encodeZcl, GENERAL, ZCL_STATUS, type ZclFrame } from './zcl.ts';
import type { SimpleDescriptor } from './zdo.ts';

/** An endpoint with the server sides of its clusters. */
export interface Endpoint {
  descriptor: SimpleDescriptor;
  clusters: ReadonlyMap<number, Cluster>;
}

export interface ZclServer {
  /** The answer to a frame for one of the endpoints; null: none is due. */
  answer(frame: ApsFrame): ApsFrame | null;
}

/** A broadcast to all endpoints of a device. */
const ALL_ENDPOINTS = 0xff;

/** `changed`: a host wrote a value or a reporting configuration. */
export function createZclServer(
  endpoints: readonly Endpoint[],
  changed: (cluster: Cluster, what: 'value' | 'reporting', attribute: number) => void,
): ZclServer {
  function execute(cluster: Cluster, frame: ZclFrame): { command: number; payload: Buffer; specific: boolean } | number {
    if (frame.specific) {
      const result = cluster.command?.(frame.command, createReader(frame.payload)) ?? ZCL_STATUS.UNSUPPORTED_CLUSTER_COMMAND;
      return typeof result === 'number' ? result : { ...result, specific: true };
    }
    const result = answerGeneral(cluster, frame, (what, attribute) => changed(cluster, what, attribute));
    return typeof result === 'number' ? result : { ...result, specific: false };
  }

  function run(cluster: Cluster | undefined, frame: ZclFrame): ReturnType<typeof execute> {
    if (!cluster) return ZCL_STATUS.UNSUPPORTED_CLUSTER;
    try {
      return execute(cluster, frame);
    } catch (error) {
      if (error instanceof RangeError) return ZCL_STATUS.MALFORMED;
      throw error;
    }
  }

  return {
    answer(aps) {
      const frame = parse(aps.payload);
      const endpoint = endpoints.find(({ descriptor }) => descriptor.endpoint === aps.to);
      // What a server sent is for a client, and the clients of these devices take everything in silence. APS drops what is for no endpoint.
      if (!frame || frame.fromServer || (!endpoint && aps.to !== ALL_ENDPOINTS)) return null;
      const result = run(endpoint?.clusters.get(aps.cluster), frame);
      const isDefault = !frame.specific && frame.command === GENERAL.DEFAULT_RESPONSE;
      if (typeof result === 'number' && (isDefault || !endpoint || (result === ZCL_STATUS.SUCCESS && frame.noDefaultResponse))) return null;
      const answer =
        typeof result === 'number' ? { specific: false, command: GENERAL.DEFAULT_RESPONSE, payload: u8(frame.command, result) } : result;
      const { manufacturer, sequence } = frame;
      const payload = encodeZcl({ ...answer, manufacturer, sequence, fromServer: true, noDefaultResponse: true });
      return { profile: aps.profile, cluster: aps.cluster, from: aps.to, to: aps.from, payload };
    },
  };
}

function parse(payload: Buffer): ZclFrame | null {
  try {
    return decodeZcl(payload);
  } catch {
    return null;
  }
}
