/** What the page can do with this run. */
export interface Catalogue {
  mode: 'live' | 'replay';
  calls: readonly CallInfo[];
  faults: readonly FaultInfo[];
  /** Addresses of the peripherals. */
  targets: readonly number[];
  /** Of a replay: when it was saved, epoch milliseconds. */
  savedAt: number | null;
}

/** A fault as the page offers it. */
export interface FaultInfo {
  id: string;
  group: 'Bus' | 'Hub' | 'Air' | 'Cloud';
  name: string;
  /** What it does, and what to watch. */
  about: string;
  /** A switch stays until it is switched off. */
  kind: 'switch' | 'act';
  /** It is about one peripheral. */
  target: boolean;
}

/** The part of JSON Schema (2020-12) that a form is made from. */
export interface FieldSchema {
  type: 'string' | 'boolean';
  title: string;
  description: string;
  enum?: readonly string[];
  examples?: readonly string[];
  /** Shown as dots. */
  writeOnly?: boolean;
}

export interface ObjectSchema {
  type: 'object';
  properties: Readonly<Record<string, FieldSchema>>;
  required: readonly string[];
}

/** A call of the public API, or a command behind SendHubCommand, with the schema of its fields. */
export interface CallInfo {
  call: 'ProvisionHub' | 'ClaimHub' | 'SendHubCommand';
  /** Of SendHubCommand. */
  command?: string;
  about: string;
  /** Of the body, or of the command's args. */
  schema: ObjectSchema;
}
