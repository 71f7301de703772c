/** What a shell asks for: the words that may come next, and the scripts that ask. */
import type {RawCommandLine} from './parse.ts';
import type {CommandSpec, FlagSpec} from './types.ts';

function commandNames(path: readonly CommandSpec[]): readonly string[] {
  const command = path.at(-1);
  const names = (command?.commands ?? []).filter((item) => item.hidden !== true).map((item) => item.name);
  return path.length === 1 ? ['help', ...names] : names;
}

function argumentValues(raw: RawCommandLine): readonly string[] {
  const command = raw.path.at(-1);
  const taken = raw.arguments.filter((item) => item.value !== '').length;
  return (command?.arguments ?? [])[taken]?.values ?? [];
}

/** A required value of a flag decides: its allowed values, or nothing (the shell then offers files). */
function flagCandidates(flag: FlagSpec): readonly string[] {
  return flag.values ?? [];
}

/**
 * Candidates for the position after `words`, whose last one is being typed and may be empty. Not filtered by what was typed:
 * the shell does that.
 */
export function completeWords(raw: RawCommandLine, words: readonly string[]): readonly string[] {
  const current = words.at(-1) ?? '';
  const previous = words.at(-2) ?? '';
  const flags = raw.path.flatMap((part) => part.flags ?? []);
  const named = (word: string): FlagSpec | undefined =>
    flags.find((flag) => `--${flag.name}` === word || (flag.short !== undefined && `-${flag.short}` === word));
  const owner = named(previous);
  if (owner !== undefined && owner.kind !== 'boolean' && !current.startsWith('-')) return flagCandidates(owner);
  if (current.startsWith('--')) {
    return flags
      .filter((flag) => flag.hidden !== true)
      .flatMap((flag) => (flag.negatable === true ? [`--${flag.name}`, `--no-${flag.name}`] : [`--${flag.name}`]));
  }
  const names = commandNames(raw.path);
  return names.length > 0 ? names : argumentValues(raw);
}

export function bashScript(program: string): string {
  const name = program.replace(/[^A-Za-z0-9_]/g, '_');
  return `
_${name}_complete() {
    local words
    COMPREPLY=()
    words="$("\${COMP_WORDS[0]}" --completion-bash "\${COMP_WORDS[@]:1:$COMP_CWORD}")"
    COMPREPLY=( $(compgen -W "\${words}" -- "\${COMP_WORDS[COMP_CWORD]}") )
    return 0
}
complete -F _${name}_complete -o default ${program}

`;
}

export function zshScript(program: string): string {
  const name = program.replace(/[^A-Za-z0-9_]/g, '_');
  return `#compdef ${program}

_${name}_complete() {
    local -a candidates
    candidates=("\${(@f)$("\${words[1]}" --completion-bash "\${(@)words[2,$CURRENT]}")}")
    compadd -a candidates || _files
}
compdef _${name}_complete ${program}

`;
}
