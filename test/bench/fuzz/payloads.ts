/** Documents as the cloud sends them; the fuzzer changes them. */
const DOCUMENTS: readonly string[] = [
  '{"version":7,"timestamp":1795300000,"state":{"command":"get_nodes","args":{"refresh":true}},"metadata":{"command":{"timestamp":1795300000}}}',
  '{"version":8,"timestamp":1795300000,"state":{"claim":{"orgId":"o","siteId":"s","claimedBy":"u","claimedAt":1}},"metadata":{}}',
  '{"state":{"desired":{"command":null},"reported":{"online":true}},"metadata":{"desired":{}},"version":9,"timestamp":1795300000,"clientToken":"t"}',
  '{"code":409,"message":"Version conflict","timestamp":1795300000,"clientToken":"t"}',
  '{"state":"offline","session":"00000000-0000-4000-8000-000000000000","at":1795300000000,"version":"1.2.3"}',
  '{"command":"set_wifi_credentials","args":{"ssid":"office","credentials":"a secret word"}}',
];
/** What stands in the place of a value. */
const VALUES: readonly string[] = [
  'null',
  '[]',
  '{}',
  '""',
  '-1',
  '1e999',
  '9007199254740993',
  'true',
  '"\\u0000"',
  '"\\ud800"',
  '[[[[]]]]',
  '{"__proto__":{"x":1}}',
  '{"toJSON":1}',
];
const MAX_RANDOM_BYTES = 512;
const MAX_DEPTH = 20_000;

/**
 * A payload that an MQTT message may carry: nothing, random bytes, a document that was cut, changed in a byte, given other values, or nested
 * deep. The same numbers give the same payload.
 * @param random numbers in [0, 1)
 */
export function fuzzedPayload(random: () => number): Buffer {
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = <T>(items: readonly T[]) => items[below(items.length)]!;
  const document = pick(DOCUMENTS);
  switch (below(8)) {
    case 0:
      return Buffer.alloc(0);
    case 1:
      return Buffer.from(Array.from({ length: below(MAX_RANDOM_BYTES) }, () => below(256)));
    case 2:
      return Buffer.from(document.slice(0, below(document.length)));
    case 3: {
      const bytes = Buffer.from(document);
      bytes[below(bytes.length)]! ^= 1 << below(8);
      return bytes;
    }
    case 4:
      return Buffer.from(pick(VALUES));
    case 5:
      // One in a hundred is really deep: it costs as much as a thousand others.
      return Buffer.from(document.replace(/\d+(?=[,}])/, deep(below(100) === 0 ? below(MAX_DEPTH) : below(50), pick(['[', '{"a":']))));
    default:
      return Buffer.from(document.replace(/(?<=:)("[^"]*"|\d+|true|null)/g, (value) => (random() < 0.3 ? pick(VALUES) : value)));
  }
}

const deep = (depth: number, open: string) => `${open.repeat(depth)}1${(open === '[' ? ']' : '}').repeat(depth)}`;
