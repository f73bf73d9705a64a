/** What happened with one address. */
export interface AddressStats {
  /** Good requests that were heard for it, whether somebody has the address or not. */
  requests: number;
  replies: number;
}

/** What went over the line. The sums are true line time, free of any timer's or scheduler's delay. */
export interface LineStats {
  /** Requests with a right check, as heard by the peripherals. */
  requests: number;
  /** Replies that were sent, misbehaved ones too. */
  replies: number;
  requestBytes: number;
  replyBytes: number;
  /** The time the panel held the line. */
  requestWireMs: number;
  /** The time peripherals held the line. */
  replyWireMs: number;
  /** The sum of the times from the end of a request to the start of its reply. */
  turnaroundMs: number;
  /** Bytes garbled because somebody else was talking. */
  collisions: number;
  addresses: ReadonlyMap<number, AddressStats>;
}

/** Counts for `LineStats`. */
export interface Tally {
  request(address: number): void;
  reply(address: number, turnaroundMs: number): void;
  requestByte(wireMs: number): void;
  replyByte(wireMs: number): void;
  read(collisions: number): LineStats;
  reset(collisions: number): void;
}

const zero = () => ({ requests: 0, replies: 0, requestBytes: 0, replyBytes: 0, requestWireMs: 0, replyWireMs: 0, turnaroundMs: 0 });

export function createTally(): Tally {
  let sums = zero();
  let addresses = new Map<number, AddressStats>();
  let collisionsBefore = 0;
  const of = (address: number): AddressStats => {
    const one = addresses.get(address) ?? { requests: 0, replies: 0 };
    addresses.set(address, one);
    return one;
  };
  return {
    request(address) {
      sums.requests++;
      of(address).requests++;
    },
    reply(address, turnaroundMs) {
      sums.replies++;
      sums.turnaroundMs += turnaroundMs;
      of(address).replies++;
    },
    requestByte(wireMs) {
      sums.requestBytes++;
      sums.requestWireMs += wireMs;
    },
    replyByte(wireMs) {
      sums.replyBytes++;
      sums.replyWireMs += wireMs;
    },
    read: (collisions) => ({
      ...sums,
      collisions: collisions - collisionsBefore,
      addresses: new Map([...addresses].map(([address, one]) => [address, { ...one }])),
    }),
    reset(collisions) {
      sums = zero();
      addresses = new Map();
      collisionsBefore = collisions;
    },
  };
}
