/** Readings of configuration values that hold for keys of every type, so that an absent value and an empty one mean the same. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : '';
}

/** The items of a list that are not blank. */
export function listOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.map(textOf).filter((item) => item !== '');
}

export function isOn(value: unknown): boolean {
  return value === true;
}
