# Bash completion for handfast(1): commands, options, files, names of services. tools/manual, a test, compares the words
# below with what the program says.

_handfast_commands="guard status stats top events connections kill block unblock blocks drain resume reload capture
    audit explain journal story lab sim nc"

_handfast_options() {
    case $1 in
    guard) echo "--check --dump --net --json --help" ;;
    stats) echo "--json --prometheus --all --help" ;;
    events) echo "--follow --last --json --help" ;;
    block) echo "--for --reason --json --help" ;;
    capture) echo "--for --json --help" ;;
    journal) echo "--all --follow --json --key --state --open --help" ;;
    audit) echo "--scan --declare --config --json --help" ;;
    explain) echo "--odd --summary --all --conversation --plain --json --help" ;;
    story) echo "--lang --plain --json --html --list --help" ;;
    top) echo "--every --order --once --json --help" ;;
    lab) echo "--json --quick --keep-capture --defence --full --list --help" ;;
    sim) echo "--scene --seed --seeds --ladder --json --capture --help" ;;
    nc) echo "--capture --keys --help" ;;
    *) echo "--json --help" ;;
    esac
}

# Names of services, asked of the guard that runs; none if there is none.
_handfast_services() {
    handfast ${guard:+-i "$guard"} status --json 2>/dev/null |
        sed -n '/^  "services"/,/^  \]/s/^      "name": "\([^"]*\)".*/\1/p'
}

_handfast_guards() {
    local socket
    for socket in /run/handfast/*.sock; do
        [ -S "$socket" ] && basename "$socket" .sock
    done
}

_handfast_filter() {
    case $previous in
    service) COMPREPLY=($(compgen -W "$(_handfast_services)" -- "$word")) ;;
    from) ;;
    state)
        COMPREPLY=($(compgen -W "SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING
            LAST-ACK TIME-WAIT waiting connecting open client-closed backend-closed" -- "$word"))
        ;;
    *) return 1 ;;
    esac
}

_handfast() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local i command= guard=
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -i) guard=${COMP_WORDS[++i]} ;;
        -*) ;;
        *)
            command=${COMP_WORDS[i]}
            break
            ;;
        esac
    done
    COMPREPLY=()
    if [ -z "$command" ]; then
        if [ "$previous" = -i ]; then
            COMPREPLY=($(compgen -W "$(_handfast_guards)" -- "$word"))
        else
            COMPREPLY=($(compgen -W "$_handfast_commands -i --version --help" -- "$word"))
        fi
        return
    fi
    if [ "$previous" = --order ]; then
        COMPREPLY=($(compgen -W "rtt bytes age" -- "$word"))
        return
    fi
    if [ "$previous" = --lang ]; then
        COMPREPLY=($(compgen -W "en zh" -- "$word"))
        return
    fi
    if [ "$previous" = --defence ]; then
        COMPREPLY=($(compgen -W "none release cache cookie all each" -- "$word"))
        return
    fi
    if [ "$previous" = --scene ]; then
        COMPREPLY=($(compgen -W "$(handfast sim --help | sed -n '/^scenes:/,$s/^  \([a-z-]*\) .*/\1/p')" -- "$word"))
        return
    fi
    if [ "$previous" = --html ] || [ "$previous" = --capture ] || [ "$previous" = --keep-capture ] ||
        [ "$previous" = --keys ]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$word"))
        return
    fi
    if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "$(_handfast_options "$command")" -- "$word"))
        return
    fi
    case $command in
    guard)
        if [ "$previous" = --net ]; then
            COMPREPLY=($(compgen -W "show up down" -- "$word"))
        else
            compopt -o filenames 2>/dev/null
            COMPREPLY=($(compgen -f -- "$word"))
        fi
        ;;
    audit)
        if [ "$previous" = logs ] || [ "$previous" = --config ]; then
            compopt -o filenames 2>/dev/null
            COMPREPLY=($(compgen -f -- "$word"))
        else
            COMPREPLY=($(compgen -W "ports logs" -- "$word"))
        fi
        ;;
    explain)
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$word"))
        ;;
    lab) COMPREPLY=($(compgen -W "$(handfast lab --list 2>/dev/null | awk '/^ *[a-z0-9-]+ / { print $1 }')" -- "$word")) ;;
    story)
        COMPREPLY=($(compgen -W "handshake close two-way flags refused dos ddos drdos flood release cache cookie
            timeout forged-reset signed glossary" -- "$word"))
        ;;
    drain | resume) COMPREPLY=($(compgen -W "$(_handfast_services)" -- "$word")) ;;
    connections | kill)
        _handfast_filter && return
        local words="service from state"
        [ "$command" = connections ] && words+=" half-open"
        COMPREPLY=($(compgen -W "$words" -- "$word"))
        ;;
    journal)
        if ((COMP_CWORD == i + 1)); then
            COMPREPLY=($(compgen -W "show verify init" -- "$word"))
        elif ((COMP_CWORD > i + 2)) && [ "${COMP_WORDS[i + 1]}" = show ]; then
            COMPREPLY=($(compgen -W "service from kind since until" -- "$word"))
        else
            compopt -o filenames 2>/dev/null
            COMPREPLY=($(compgen -f -- "$word"))
        fi
        ;;
    capture)
        _handfast_filter && return
        if ((COMP_CWORD == i + 1)); then
            compopt -o filenames 2>/dev/null
            COMPREPLY=($(compgen -f -- "$word"))
        else
            COMPREPLY=($(compgen -W "service from" -- "$word"))
        fi
        ;;
    esac
}

complete -F _handfast handfast
