/** Reading the fields of agent vectors, with a clear failure where a file has another shape. */

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function fields(value: unknown): Fields {
  if (!isFields(value)) throw new Error(`expected an object, found ${JSON.stringify(value)?.slice(0, 80)}`);
  return value;
}

/** The cases of a file: a list, or a list under `cases`. */
export function caseList(data: unknown): readonly Fields[] {
  const list = Array.isArray(data) ? data : fields(data)['cases'];
  if (!Array.isArray(list)) throw new Error('expected a list of cases');
  return list.map(fields);
}

export function caseName(item: Fields, index: number): string {
  return typeof item['name'] === 'string' ? item['name'] : `#${index + 1}`;
}

export function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error(`expected text, found ${JSON.stringify(value)?.slice(0, 80)}`);
  return value;
}
