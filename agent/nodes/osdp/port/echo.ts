/** Takes the echo of a request out of what a two-wire adapter hears. */
export interface EchoFilter {
  /** What is left of `bytes`. Bytes that only began like the echo (an answer may begin with the same mark) are given back with what follows. */
  take(bytes: Uint8Array): Uint8Array;
  /** True once the whole request came back. */
  readonly complete: boolean;
  /** True while what came so far may be the echo or the beginning of an answer. */
  readonly undecided: boolean;
}

export function createEchoFilter(sent: Uint8Array): EchoFilter {
  let matched = 0;
  let over = false;
  return {
    take(bytes) {
      if (over) return bytes;
      let count = 0;
      while (count < bytes.length && matched + count < sent.length && bytes[count] === sent[matched + count]) count++;
      if (count === bytes.length || matched + count === sent.length) {
        matched += count;
        over = matched === sent.length;
        return bytes.subarray(count);
      }
      over = true;
      return matched === 0 ? bytes : Buffer.concat([sent.subarray(0, matched), bytes]);
    },
    get complete() {
      return matched === sent.length;
    },
    get undecided() {
      return matched > 0 && !over;
    },
  };
}
