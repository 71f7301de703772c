/** Lines of a label and a value, as `choria tool config` lays them out. */
import {inertLine} from '../render/inert.ts';

/** Labels end in column 22. */
export function label(name: string, value: string): string {
  return `${name.padStart(22)}: ${inertLine(value)}`;
}

/** The first item beside the label, the others below it; nothing for an empty list. */
export function listLines(name: string, items: readonly string[]): readonly string[] {
  return items.map((item, index) => (index === 0 ? label(name, item) : `${' '.repeat(24)}${inertLine(item)}`));
}
