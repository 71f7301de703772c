/** Reads claims of a known type. */
import {type DecodedToken, tokenInvalid} from './jwt.ts';

/** Absent is empty; another type is refused, as it would be by the reference's decoder. */
export function textClaim(claims: DecodedToken['claims'], name: string): string {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw tokenInvalid(`its claim "${name}" is not a text`);
  return value;
}

export function numberClaim(claims: DecodedToken['claims'], name: string): number | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw tokenInvalid(`its claim "${name}" is not a number`);
  return value;
}
