/**
 * Estimates what trying a pattern costs. RE2 is linear in the text, yet each character may visit every state, and a counted repeat
 * makes many states of a few letters.
 */

/** Roughly the number of states a pattern compiles to. */
export function patternStates(pattern: string): number {
  let repeats = 1;
  for (const match of pattern.matchAll(/\{([0-9]{1,4})(?:,([0-9]{0,4}))?\}/g)) {
    repeats = Math.max(repeats, Number(match[1]), Number(match[2] ?? 0));
  }
  return Math.max(1, pattern.length) * repeats;
}

/** States times characters of one trial; some ten milliseconds at the worst. */
export const patternWorkMax = 20_000_000;
