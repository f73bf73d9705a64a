/**
 * In which order a poll cycle goes through the addresses: each one begins behind the first PD of the one before, so that each PD is the last one in
 * turn. After the last one the line is quiet, and a second answer from its address is heard undisturbed.
 */
export function createPollOrder(addresses: readonly number[], available: (address: number) => boolean): () => readonly number[] {
  let first = 0;
  return () => {
    const order = [...addresses.slice(first), ...addresses.slice(0, first)];
    const polled = order.find(available);
    first = polled === undefined ? 0 : (addresses.indexOf(polled) + 1) % addresses.length;
    return order;
  };
}
