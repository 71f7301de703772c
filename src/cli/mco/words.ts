/** The longer and older names of options that scripts of the Ruby client use, put in place of which ours are read. */

const longNames: ReadonlyMap<string, string> = new Map([
  ['--with-fact', '--wf'],
  ['--with-class', '--wc'],
  ['--with-agent', '--wa'],
  ['--with-identity', '--wi'],
  ['--dt', '--discovery-timeout'],
  ['--disc-method', '--dm'],
  ['--disc-option', '--do'],
  ['--no-progress', '--np'],
  ['--ln', '--limit'],
  ['--limit-nodes', '--limit'],
  ['--list-collectives', '--collectives'],
  ['--lc', '--collectives'],
]);

/** Nodes of a fact or node list were one of the words of `-1`. */
const oneNode: readonly string[] = ['-1', '--one'];

/**
 * @param words behind the program's name; what follows `--` is left alone
 * @example classicWords(['rpc', 'rpcutil', 'ping', '--dt', '3', '-1']) // [..., '--discovery-timeout', '3', '--limit', '1']
 */
export function classicWords(words: readonly string[]): readonly string[] {
  const end = words.indexOf('--');
  const [open, literal] = end === -1 ? [words, []] : [words.slice(0, end), words.slice(end)];
  const read = open.flatMap((word) => {
    if (oneNode.includes(word)) return ['--limit', '1'];
    const equals = word.indexOf('=');
    const name = equals === -1 ? word : word.slice(0, equals);
    const known = longNames.get(name);
    return known === undefined ? [word] : [`${known}${word.slice(name.length)}`];
  });
  return [...read, ...literal];
}
