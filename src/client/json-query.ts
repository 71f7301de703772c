import {gjsonGet, gjsonValue} from '../lang/index.ts';

/** Looks a GJSON path up in a JSON text; undefined when nothing is there. */
export function queryJson(document: string, path: string): unknown {
  const found = gjsonGet(document, path);
  return found.exists ? gjsonValue(found) : undefined;
}
