import { concat, createReader, type Eui64, eui, type Reader, u8, u16, u32 } from './bytes.ts';

/** Data types of the Zigbee cluster library (ZCL revision 8, section 2.6.2) that the twin's devices use. */
export const ZCL_TYPE = {
  BOOL: 0x10,
  MAP8: 0x18,
  MAP16: 0x19,
  MAP32: 0x1b,
  UINT8: 0x20,
  UINT16: 0x21,
  UINT32: 0x23,
  INT16: 0x29,
  ENUM8: 0x30,
  ENUM16: 0x31,
  STRING: 0x42,
  EUI64: 0xf0,
} as const;

/** Numbers for all but strings and addresses (16 hexadecimal digits). */
export type ZclValue = number | string;

/** Commands for every cluster (ZCL, table 2-3). */
export const GENERAL = {
  READ: 0x00,
  READ_RESPONSE: 0x01,
  WRITE: 0x02,
  WRITE_RESPONSE: 0x04,
  WRITE_NO_RESPONSE: 0x05,
  CONFIGURE_REPORTING: 0x06,
  CONFIGURE_REPORTING_RESPONSE: 0x07,
  READ_REPORTING: 0x08,
  READ_REPORTING_RESPONSE: 0x09,
  REPORT: 0x0a,
  DEFAULT_RESPONSE: 0x0b,
} as const;

/** ZCL, table 2-12. */
export const ZCL_STATUS = {
  SUCCESS: 0x00,
  FAILURE: 0x01,
  MALFORMED: 0x80,
  UNSUPPORTED_CLUSTER_COMMAND: 0x81,
  UNSUPPORTED_GENERAL_COMMAND: 0x82,
  UNSUPPORTED_ATTRIBUTE: 0x86,
  INVALID_VALUE: 0x87,
  READ_ONLY: 0x88,
  UNREPORTABLE: 0x8c,
  INVALID_TYPE: 0x8d,
  NOT_FOUND: 0x8b,
  UNSUPPORTED_CLUSTER: 0xc3,
} as const;

export interface ZclFrame {
  /** Of a cluster, not for all of them. */
  specific: boolean;
  manufacturer: number | null;
  /** From the server of the cluster to its client. */
  fromServer: boolean;
  noDefaultResponse: boolean;
  sequence: number;
  command: number;
  payload: Buffer;
}

/** @throws RangeError when it is too short. */
export function decodeZcl(data: Uint8Array): ZclFrame {
  const reader = createReader(data);
  const control = reader.u8();
  return {
    specific: (control & 3) === 1,
    manufacturer: control & 4 ? reader.u16() : null,
    fromServer: (control & 8) !== 0,
    noDefaultResponse: (control & 0x10) !== 0,
    sequence: reader.u8(),
    command: reader.u8(),
    payload: reader.rest(),
  };
}

export function encodeZcl(frame: ZclFrame): Buffer {
  const control =
    (frame.specific ? 1 : 0) | (frame.manufacturer === null ? 0 : 4) | (frame.fromServer ? 8 : 0) | (frame.noDefaultResponse ? 0x10 : 0);
  const manufacturer = frame.manufacturer === null ? u8() : u16(frame.manufacturer);
  return concat(u8(control), manufacturer, u8(frame.sequence, frame.command), frame.payload);
}

const bytesOf = (type: number): number => {
  switch (type) {
    case ZCL_TYPE.BOOL:
    case ZCL_TYPE.MAP8:
    case ZCL_TYPE.UINT8:
    case ZCL_TYPE.ENUM8:
      return 1;
    case ZCL_TYPE.MAP16:
    case ZCL_TYPE.UINT16:
    case ZCL_TYPE.INT16:
    case ZCL_TYPE.ENUM16:
      return 2;
    case ZCL_TYPE.MAP32:
    case ZCL_TYPE.UINT32:
      return 4;
    default:
      throw new RangeError(`the twin has no data type 0x${type.toString(16)}`);
  }
};

/** Whether a reportable change stands in a reporting configuration of this type: only for analogue ones (ZCL, section 2.5.7.1). */
export const isAnalogue = (type: number): boolean => type >= ZCL_TYPE.UINT8 && type < ZCL_TYPE.ENUM8;

export function encodeValue(type: number, value: ZclValue): Buffer {
  if (type === ZCL_TYPE.EUI64) return eui(value as Eui64);
  if (type === ZCL_TYPE.STRING) return concat(u8(Buffer.byteLength(String(value))), Buffer.from(String(value)));
  const width = bytesOf(type);
  return width === 1 ? u8(Number(value)) : width === 2 ? u16(Number(value)) : u32(Number(value));
}

/** @throws RangeError for a type that no device of the twin has, or when it is too short. */
export function decodeValue(type: number, reader: Reader): ZclValue {
  if (type === ZCL_TYPE.EUI64) return reader.eui();
  if (type === ZCL_TYPE.STRING) return reader.bytes(reader.u8()).toString();
  const width = bytesOf(type);
  return width === 1 ? reader.u8() : width === 2 ? reader.u16() : reader.u32();
}
