import { concat, createReader, type Reader, u8, u16 } from './bytes.ts';
import { decodeValue, encodeValue, GENERAL, isAnalogue, ZCL_STATUS, type ZclFrame, type ZclValue } from './zcl.ts';

export interface Attribute {
  type: number;
  value: ZclValue;
  writable?: boolean;
  reportable?: boolean;
}

/** What a host asked to be told, in the seconds of the ZCL. */
export interface Reporting {
  type: number;
  minSeconds: number;
  /** 0: on changes only; 0xffff: never. */
  maxSeconds: number;
  change: number;
}

/** The server side of one cluster on one endpoint. */
export interface Cluster {
  readonly id: number;
  readonly attributes: Map<number, Attribute>;
  readonly reporting: Map<number, Reporting>;
  /** A command of the cluster: its status, or the response's command and payload. */
  command?(command: number, reader: Reader): number | { command: number; payload: Buffer };
}

const TO_BE_RECEIVED = 1;
const NEVER = 0xffff;

/** What a general command answers with; null: nothing but a default response. `changed` is called for each attribute or reporting that was written. */
export function answerGeneral(
  cluster: Cluster,
  frame: ZclFrame,
  changed: (what: 'value' | 'reporting', attribute: number) => void,
): { command: number; payload: Buffer } | number {
  const reader = createReader(frame.payload);
  switch (frame.command) {
    case GENERAL.READ:
      return { command: GENERAL.READ_RESPONSE, payload: read(cluster, reader) };
    case GENERAL.WRITE:
    case GENERAL.WRITE_NO_RESPONSE: {
      const failed: Buffer[] = [];
      while (reader.left > 0) {
        const [id, type] = [reader.u16(), reader.u8()];
        const value = decodeValue(type, reader);
        const status = write(cluster.attributes.get(id), type, value);
        if (status === ZCL_STATUS.SUCCESS) changed('value', id);
        else failed.push(concat(u8(status), u16(id)));
      }
      if (frame.command === GENERAL.WRITE_NO_RESPONSE) return ZCL_STATUS.SUCCESS;
      return { command: GENERAL.WRITE_RESPONSE, payload: failed.length === 0 ? u8(ZCL_STATUS.SUCCESS) : concat(...failed) };
    }
    case GENERAL.CONFIGURE_REPORTING: {
      const failed: Buffer[] = [];
      while (reader.left > 0) {
        const [direction, id] = [reader.u8(), reader.u16()];
        const status = direction === TO_BE_RECEIVED ? skipTimeout(reader) : configure(cluster, id, reader);
        if (status === ZCL_STATUS.SUCCESS) changed('reporting', id);
        else failed.push(concat(u8(status, direction), u16(id)));
      }
      return { command: GENERAL.CONFIGURE_REPORTING_RESPONSE, payload: failed.length === 0 ? u8(ZCL_STATUS.SUCCESS) : concat(...failed) };
    }
    case GENERAL.READ_REPORTING:
      return { command: GENERAL.READ_REPORTING_RESPONSE, payload: readReporting(cluster, reader) };
    case GENERAL.DEFAULT_RESPONSE:
      return ZCL_STATUS.SUCCESS;
    default:
      return ZCL_STATUS.UNSUPPORTED_GENERAL_COMMAND;
  }
}

function read(cluster: Cluster, reader: Reader): Buffer {
  const records: Buffer[] = [];
  while (reader.left > 0) {
    const id = reader.u16();
    const attribute = cluster.attributes.get(id);
    records.push(
      attribute
        ? concat(u16(id), u8(ZCL_STATUS.SUCCESS, attribute.type), encodeValue(attribute.type, attribute.value))
        : concat(u16(id), u8(ZCL_STATUS.UNSUPPORTED_ATTRIBUTE)),
    );
  }
  return concat(...records);
}

function write(attribute: Attribute | undefined, type: number, value: ZclValue): number {
  if (!attribute) return ZCL_STATUS.UNSUPPORTED_ATTRIBUTE;
  if (attribute.type !== type) return ZCL_STATUS.INVALID_TYPE;
  if (!attribute.writable) return ZCL_STATUS.READ_ONLY;
  attribute.value = value;
  return ZCL_STATUS.SUCCESS;
}

function skipTimeout(reader: Reader): number {
  reader.u16();
  return ZCL_STATUS.SUCCESS;
}

function configure(cluster: Cluster, id: number, reader: Reader): number {
  const type = reader.u8();
  const [minSeconds, maxSeconds] = [reader.u16(), reader.u16()];
  const change = isAnalogue(type) ? Number(decodeValue(type, reader)) : 0;
  const attribute = cluster.attributes.get(id);
  if (!attribute) return ZCL_STATUS.UNSUPPORTED_ATTRIBUTE;
  if (!attribute.reportable) return ZCL_STATUS.UNREPORTABLE;
  if (attribute.type !== type) return ZCL_STATUS.INVALID_TYPE;
  if (maxSeconds !== 0 && maxSeconds < minSeconds) return ZCL_STATUS.INVALID_VALUE;
  if (maxSeconds === NEVER) cluster.reporting.delete(id);
  else cluster.reporting.set(id, { type, minSeconds, maxSeconds, change });
  return ZCL_STATUS.SUCCESS;
}

function readReporting(cluster: Cluster, reader: Reader): Buffer {
  const records: Buffer[] = [];
  while (reader.left > 0) {
    const [direction, id] = [reader.u8(), reader.u16()];
    const one = direction === 0 ? cluster.reporting.get(id) : undefined;
    const status = one ? ZCL_STATUS.SUCCESS : cluster.attributes.has(id) ? ZCL_STATUS.NOT_FOUND : ZCL_STATUS.UNSUPPORTED_ATTRIBUTE;
    const body = one
      ? concat(u8(one.type), u16(one.minSeconds, one.maxSeconds), isAnalogue(one.type) ? encodeValue(one.type, one.change) : u8())
      : u8();
    records.push(concat(u8(status, direction), u16(id), body));
  }
  return concat(...records);
}
