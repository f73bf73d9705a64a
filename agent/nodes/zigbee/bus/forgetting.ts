/** Why a Zigbee node cannot be forgotten, with the way on; null: it can. A paired one would be there again with its next report. */
export function forgettingRefusal(
  bus: string,
  address: string,
  known: { isPaired: boolean; isStranger: boolean; wasUp: boolean },
): string | null {
  const node = `${bus}/${address}`;
  if (known.isPaired)
    return `${node} is paired, and would be there again with its next report. To send it away: sudo hubctl nodes remove ${node}`;
  if (known.isStranger)
    return `${node} is known to the coordinator alone, and listed as long as that is so. To send it away: sudo hubctl nodes remove ${node}`;
  if (!known.wasUp) return `${node} may be paired: that is known when the network of ${bus} is up. What it waits for: hubctl zigbee status`;
  return null;
}
