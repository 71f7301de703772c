/** Makes findings out of what was seen. */
import {type FindingCode, findingKinds, referencePage} from './kinds.ts';
import type {Finding} from './types.ts';

export function finding(code: FindingCode, seen: {readonly cause: string; readonly fix: string}): Finding {
  const {severity, title} = findingKinds[code];
  return {code, severity, title, cause: seen.cause, fix: seen.fix, page: `${referencePage}#${code}`};
}

/** A word of a shell's command line. */
export function word(value: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

export function dateText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Octal, as chmod takes it. */
export function modeText(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
