import type { BusStatus, Node, NodesResult } from '../../contract/node.ts';
import type { Answer } from '../cli/client.ts';
import { answerOf } from './answer.ts';
import { FLAG, listOf, NUMBER, OBJECT, objectOf, orNull, TEXT } from './shapes.ts';

export const BUS = objectOf<BusStatus>(
  { id: TEXT, protocol: TEXT, state: TEXT },
  { error: objectOf<NonNullable<BusStatus['error']>>({ code: TEXT, message: TEXT }, { reason: TEXT }) },
);

const NODE = objectOf<Node>(
  {
    nodeId: TEXT,
    bus: TEXT,
    protocol: TEXT,
    address: TEXT,
    available: FLAG,
    lastSeen: orNull(TEXT),
    firstSeen: orNull(TEXT),
    vendor: orNull(TEXT),
    model: orNull(TEXT),
    serialNumber: orNull(TEXT),
    firmwareVersion: orNull(TEXT),
    capabilities: listOf(TEXT),
    security: orNull(TEXT),
    securityReason: orNull(TEXT),
    replaced: orNull(
      objectOf<NonNullable<Node['replaced']>>({ vendor: orNull(TEXT), model: orNull(TEXT), serialNumber: orNull(TEXT) }, {}),
    ),
    tamper: orNull(FLAG),
    powerFault: orNull(FLAG),
    problem: orNull(TEXT),
    linkQuality: orNull(NUMBER),
  },
  {
    lossesLastHour: NUMBER,
    moved: objectOf<NonNullable<Node['moved']>>({ from: TEXT, at: orNull(TEXT) }, {}),
    hardwareVersion: orNull(TEXT),
    osdpVersion: orNull(TEXT),
    capabilityLevels: listOf(NUMBER),
    capabilityCounts: listOf(NUMBER),
    inputs: orNull(listOf(TEXT)),
    outputs: orNull(listOf(TEXT)),
    lastCardAt: orNull(TEXT),
    zigbee: OBJECT,
  },
);

/** The node table. */
export const nodesAnswer: Answer<NodesResult> = answerOf(
  objectOf<NodesResult>({ nodes: listOf(NODE), total: NUMBER, available: NUMBER, scanComplete: FLAG, buses: listOf(BUS) }, {}),
);
