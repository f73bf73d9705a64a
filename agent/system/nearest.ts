/** Edit distance with swaps of neighbours (optimal string alignment): how many slips of the finger lie between two words. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      row.push(best);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** Keys, options and commands are short; a longer word is no slip of the finger. */
const MAX_LENGTH = 64;

/** The known word that `word` was probably meant to be, or null. A third of its letters may be wrong; case, "_" and "-" do not count. */
export function nearest(word: string, known: readonly string[]): string | null {
  if (word.length > MAX_LENGTH) return null;
  const plain = (text: string) => text.toLowerCase().replace(/[_-]/g, '');
  let best: { candidate: string; distance: number } | null = null;
  for (const candidate of known) {
    const found = distance(plain(word), plain(candidate));
    if (found <= Math.max(1, candidate.length / 3) && (!best || found < best.distance)) best = { candidate, distance: found };
  }
  return best?.candidate ?? null;
}
