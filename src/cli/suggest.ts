/** Finds the word a person probably meant. */

/** Optimal string alignment distance; the words are short, so the quadratic table is fine. */
export function editDistance(a: string, b: string): number {
  const rows: number[][] = [];
  for (let i = 0; i <= a.length; i++) {
    rows.push(Array.from({length: b.length + 1}, (_unused, j) => (i === 0 ? j : j === 0 ? i : 0)));
  }
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, at(i - 2, j - 2) + 1);
      const row = rows[i];
      if (row) row[j] = best;
    }
  }
  return at(a.length, b.length);
}

const wordLengthMax = 64;

/**
 * The nearest candidate, when it is near enough to be a typo: at most two edits and at most a third of the word.
 *
 * @example
 * suggest('pign', ['ping', 'req']); // 'ping'
 */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length < 2 || word.length > wordLengthMax) return undefined;
  const limit = Math.min(2, Math.max(1, Math.floor(word.length / 3)));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > limit) continue;
    const distance = editDistance(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `, did you mean 'ping'?` or nothing. */
export function suggestionSuffix(word: string, candidates: readonly string[], prefix = ''): string {
  const match = suggest(word, candidates);
  return match === undefined || match === word ? '' : `, did you mean '${prefix}${match}'?`;
}
