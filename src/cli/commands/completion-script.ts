/** The shells' side of completion: `req AGENT ACTION INPUT=` asks for agents, actions and inputs, everything else for the command line itself. */

const bash = `# Completion of choria for bash. Use: source <(choria completion --bash)
_choria_words() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        [[ "$line" == "$1"* ]] && COMPREPLY+=("$line$2")
    done
}

_choria() {
    local current="\${COMP_WORDS[COMP_CWORD]}" program="\${COMP_WORDS[0]}"
    local -a words=()
    local index word
    for ((index = 1; index < COMP_CWORD; index++)); do
        word="\${COMP_WORDS[index]}"
        case "$word" in
            =|:) ;;
            -*) ;;
            *) words+=("$word") ;;
        esac
    done
    if [[ "$current" != -* ]] && [[ "\${words[0]}" == req || "\${words[0]}" == rpc || "\${words[0]}" == request ]]; then
        case "\${#words[@]}" in
            1) _choria_words "$current" "" < <("$program" completion --list agents 2>/dev/null); return 0 ;;
            2) _choria_words "$current" "" < <("$program" completion --list actions --agent "\${words[1]}" 2>/dev/null); return 0 ;;
            *)
                compopt -o nospace 2>/dev/null
                _choria_words "$current" "=" < <("$program" completion --list inputs --agent "\${words[1]}" --action "\${words[2]}" 2>/dev/null)
                return 0
                ;;
        esac
    fi
    _choria_words "$current" "" < <("$program" --completion-bash "\${COMP_WORDS[@]:1:$COMP_CWORD}" 2>/dev/null)
    return 0
}
complete -F _choria -o default choria
`;

const zsh = `#compdef choria
# Completion of choria for zsh. Use: source <(choria completion --zsh)
_choria() {
    local -a entries positional
    local word program="\${words[1]}"
    for word in "\${(@)words[2,CURRENT-1]}"; do
        [[ "$word" == -* ]] || positional+=("$word")
    done
    if [[ "\${words[CURRENT]}" != -* ]] && [[ "\${positional[1]}" == (req|rpc|request) ]]; then
        case "\${#positional}" in
            1) entries=("\${(@f)$("$program" completion --zsh --list agents 2>/dev/null)}"); _describe agent entries; return ;;
            2) entries=("\${(@f)$("$program" completion --zsh --list actions --agent "\${positional[2]}" 2>/dev/null)}"); _describe action entries; return ;;
            *) entries=("\${(@f)$("$program" completion --zsh --list inputs --agent "\${positional[2]}" --action "\${positional[3]}" 2>/dev/null)}"); _describe input entries -S =; return ;;
        esac
    fi
    entries=("\${(@f)$("$program" --completion-bash "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
    compadd -a entries || _files
}
compdef _choria choria
`;

export function completionScript(shell: 'bash' | 'zsh'): string {
  return shell === 'zsh' ? zsh : bash;
}
