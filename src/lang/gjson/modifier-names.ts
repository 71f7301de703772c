/** The modifiers that exist; a dot before one of them acts as a pipe. */
const names: ReadonlySet<string> = new Set([
  'pretty',
  'ugly',
  'reverse',
  'this',
  'flatten',
  'join',
  'valid',
  'keys',
  'values',
  'tostr',
  'fromstr',
  'group',
  'dig',
]);

export function isModifierName(name: string): boolean {
  return names.has(name);
}
