# awsassume in zsh. In ~/.zshrc:  eval "$(awsassume --init zsh)"
#
# Every builtin is called as \builtin, so that nobody's alias stands in for it, and each
# function takes zsh's own options for itself, whatever a framework has set.

\builtin unalias awsassume 2>/dev/null || \builtin true

function awsassume {
    # An alias of export would change what the code means, and show a secret; so would a trace.
    \builtin emulate -L zsh -o no_xtrace -o no_aliases
    \builtin trap - DEBUG
    \builtin local __awsassume_code __awsassume_line __awsassume_inside=''
    \builtin local -i __awsassume_status=0
    if ! __awsassume_is_there; then
        __awsassume_go_without "$@"
        \builtin return
    fi
    # A command gets the terminal itself, job control and all: no code comes back.
    if (( ${@[(Ie)--]} )); then
        \command awsassume "$@"
        \builtin return
    fi
    \builtin local -a __awsassume_before
    if (( ${#parameters[(I)AWS_*]} )) && __awsassume_is_prefixed && (( ${+AWS_ACCESS_KEY_ID} || ${+AWS_SECRET_ACCESS_KEY} || ${+AWS_SESSION_TOKEN} )); then
        \builtin print -r -- 'awsassume: zsh takes back, after a function, the keys that stand before it: this shell would not be the role'$'\n''  export them first, or run: eval "$(AWS_ACCESS_KEY_ID=... command awsassume ...)"' >&2
        (( ! ZSH_SUBSHELL )) || __awsassume_leave 'false;' 2 ''
        \builtin return 2
    fi
    # What is local to a caller is no part of the shell either.
    __awsassume_before=(${(u)__awsassume_before} ${(M)${(k)parameters[(R)*local*]}:#AWS_*})
    (( ! ZSH_SUBSHELL )) || __awsassume_inside=1
    # Interrupted while it waits for the program, zsh itself would go on with some status or other.
    \builtin trap '\builtin return 130' INT
    # Shell code comes back on descriptor 3; whatever else there is stays on stdout.
    # No ||: zsh runs what is behind that even when the trap has returned, and takes its status for ours.
    if {
        __awsassume_code="$( (( ! ${#__awsassume_before} )) || \builtin export AWSASSUME_PREFIXED="${__awsassume_before[*]}"
            AWSASSUME_SHELL=zsh AWSASSUME_SHIM_FD=3 AWSASSUME_SUBSHELL="${__awsassume_inside}:${__awsassume_seal-}" \command awsassume "$@" 3>&1 >&4 4>&-)"
    } 4>&1; then
        __awsassume_status=0
    else
        __awsassume_status="$?"
    fi
    if [[ -n "${__awsassume_inside}" ]]; then
        # The last line is for the shell around this subshell.
        __awsassume_line="${__awsassume_code##*$'\n'}"
        if [[ "${__awsassume_status}" == 0 && -n "${__awsassume_code}" ]]; then
            \builtin eval "${__awsassume_code%$'\n'*}" || {
                __awsassume_status="$?"
                __awsassume_line='false;'
            }
        fi
        [[ -z "${__awsassume_code}" ]] || __awsassume_leave "${__awsassume_line}" "${__awsassume_status}" "${@[-1]}"
    elif [[ "${__awsassume_status}" == 0 && -n "${__awsassume_code}" && "${parameters[AWS_ACCESS_KEY_ID]-} ${parameters[AWS_SECRET_ACCESS_KEY]-} ${parameters[AWS_SESSION_TOKEN]-}" == *local* ]]; then
        # Keys would go with the function that has them, and the rest of the role would stay.
        \builtin print -r -- 'awsassume: a local variable is in the way, look for it in: typeset -p | grep AWS'$'\n''  run awsassume outside the function that has it' >&2
        __awsassume_status=1
    elif [[ "${__awsassume_status}" == 0 ]]; then
        \builtin eval "${__awsassume_code}" || __awsassume_status="$?"
    fi
    __awsassume_covered=("${(@)__awsassume_before}")
    \builtin return "${__awsassume_status}"
}

# Put away what came back once a call was over that it stood before, as the program puts away what
# speaks louder than a role's keys.
function __awsassume_put_away {
    \builtin emulate -L zsh -o no_xtrace -o no_multibyte
    \builtin local __awsassume_name __awsassume_char __awsassume_text
    for __awsassume_name in "${(@)__awsassume_covered}"; do
        case "${__awsassume_name}" in
            (AWS_PROFILE | AWS_DEFAULT_PROFILE | AWS_SECURITY_TOKEN | AWS_ACCOUNT_ID | AWS_CREDENTIAL_SCOPE | AWS_BEARER_TOKEN_*) ;;
            (*) continue ;;
        esac
        [[ "${parameters[${__awsassume_name}]-}" == *export* && "${AWSASSUME_SAVED-}" == "${AWS_ACCESS_KEY_ID:- }":* ]] || continue
        __awsassume_text=''
        for __awsassume_char in "${(@s::)${(P)__awsassume_name}}"; do
            [[ "${__awsassume_char}" == [0-9A-Za-z/.:@,_-] ]] || \builtin printf -v __awsassume_char '%%%02X' "$(( #__awsassume_char & 255 ))"
            __awsassume_text+="${__awsassume_char}"
        done
        AWSASSUME_SAVED+="&${__awsassume_name}=${__awsassume_text}"
        \builtin unset "${__awsassume_name}"
    done
    __awsassume_covered=()
}

# Whether keys stand before the call, for it alone, as `AWS_ACCESS_KEY_ID=... awsassume ROLE` has
# them. zsh does not tell: the line of each caller is read, where there is one.
function __awsassume_is_prefixed {
    \builtin emulate -L zsh -o no_xtrace -o extended_glob
    \builtin local __awsassume_place __awsassume_file
    \builtin local -i __awsassume_at
    \builtin local -a __awsassume_lines
    [[ ! -o interactive ]] || ! __awsassume_has_prefix "${__awsassume_typed-}" || \builtin return 0
    for __awsassume_place in "${(@)funcfiletrace}"; do
        __awsassume_file="${__awsassume_place%:*}"
        __awsassume_at="${__awsassume_place##*:}"
        # What is typed, or comes by stdin, has the name of zsh itself, a large file without lines.
        [[ ! -o shin_stdin || "${__awsassume_file}" != "${ZSH_ARGZERO-}" ]] || \builtin continue
        if [[ -f "${__awsassume_file}" && -r "${__awsassume_file}" ]]; then
            __awsassume_lines=("${(@f)$(<"${__awsassume_file}")}")
        else
            __awsassume_lines=("${(@f)ZSH_EXECUTION_STRING-}")
        fi
        # The lines of a command that goes over several.
        while (( __awsassume_at > 1 )) && [[ "${__awsassume_lines[__awsassume_at - 1]-}" == *\\ ]]; do
            (( __awsassume_at -= 1 ))
        done
        __awsassume_file="${__awsassume_lines[__awsassume_at]-}"
        while [[ "${__awsassume_file}" == *\\ ]]; do
            (( __awsassume_at += 1 ))
            __awsassume_file="${__awsassume_file%\\} ${__awsassume_lines[__awsassume_at]-}"
        done
        ! __awsassume_has_prefix "${__awsassume_file}" || \builtin return 0
    done
    \builtin return 1
}

# Whether keys stand before a command of the text $1 that may be awsassume.
function __awsassume_has_prefix {
    \builtin emulate -L zsh -o no_xtrace -o extended_glob
    \builtin local __awsassume_word __awsassume_inner
    \builtin local -i __awsassume_first=1 __awsassume_keys=0
    \builtin local -a __awsassume_others
    # An alias may hold its own name, which zsh reads but once.
    (( ${(M)#funcstack:#__awsassume_has_prefix} <= 4 )) || \builtin return 1
    # As zsh itself would read it, with the aliases that there are now. A part of a command is left as it is.
    __awsassume_inner="$1"
    if [[ "$1" == *AWS_*=* || -n "${(k)galiases}" ]]; then
        \builtin setopt aliases
        functions[__awsassume_parsed]="$1" && __awsassume_inner+=$'\n'"${functions[__awsassume_parsed]-}"
        \builtin unsetopt aliases
        \builtin unset 'functions[__awsassume_parsed]'
    fi 2>/dev/null
    for __awsassume_word in "${(@zZ+C+)__awsassume_inner}"; do
        case "${__awsassume_word}" in
            (';' | '&' | '&&' | '||' | '|' | '|&' | '&|' | '&!' | ';;' | '{' | '}' | '(' | ')' | '!' | if | then | elif | else | do | while | until | time)
                __awsassume_first=1
                __awsassume_keys=0
                __awsassume_others=()
                continue
                ;;
            (noglob | nocorrect | -) continue ;;
        esac
        # In the words of eval, in $(...); the name may be an alias's, or a variable's.
        if [[ "${__awsassume_word}" == *AWS_*=*[[:space:]]* ]]; then
            __awsassume_inner="${(Q)__awsassume_word}"
            __awsassume_inner="${__awsassume_inner##[\$(\`\"<=]#}"
            if [[ "${__awsassume_inner}" != "$1" ]] && __awsassume_has_prefix "${__awsassume_inner}"; then
                \builtin return 0
            fi
        fi
        (( __awsassume_first )) || continue
        if [[ "${__awsassume_word}" == AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)(|+)=* ]]; then
            __awsassume_keys=1
        elif [[ "${__awsassume_word}" == AWS_[A-Z0-9_]##=* ]]; then
            # What is computed can't be compared with what there is.
            __awsassume_inner="${(Q)__awsassume_word#*=}"
            [[ "${__awsassume_inner}" != *[\$\`]* && "${__awsassume_inner}" != "${(P)${__awsassume_word%%=*}-}" ]] || __awsassume_others+=("${__awsassume_word%%=*}")
        elif [[ "${__awsassume_word}" != [[:alpha:]_][[:alnum:]_]#(|+)=* ]]; then
            __awsassume_first=0
            [[ "${(Q)__awsassume_word}" != awsassume ]] || __awsassume_before=(${(u)__awsassume_before} "${(@)__awsassume_others}")
            if (( __awsassume_keys )) && [[ "${__awsassume_word}" != (command|env|exec) ]] && { [[ "${(Q)__awsassume_word}" == (awsassume|eval|source|.|*\$*) ]] || (( ${+aliases[${__awsassume_word}]} || ${+functions[${(Q)__awsassume_word}]} )) }; then
                \builtin return 0
            fi
            if (( ${+aliases[${__awsassume_word}]} )) && [[ "${aliases[${__awsassume_word}]}" == *AWS_*=* ]] && __awsassume_has_prefix "${aliases[${__awsassume_word}]}"; then
                \builtin return 0
            fi
        fi
    done
    \builtin return 1
}

# The line that is to run, with its aliases read.
function __awsassume_preexec {
    \builtin typeset -g __awsassume_typed="$3"
}

function __awsassume_is_there {
    (( ${+commands[awsassume]} ))
}

# What the function does when the program is gone: it gives back what AWSASSUME_SAVED remembers.
function __awsassume_go_without {
    \builtin emulate -L zsh -o no_xtrace
    if [[ "$*" == --clear ]]; then
        __awsassume_clear
        (( ! ZSH_SUBSHELL )) || __awsassume_leave "__awsassume_again '' --clear" 0 --clear
        \builtin return 0
    fi
    \builtin print -r -- 'awsassume: the program is not installed any more, where this shell has it from'$'\n''  install it again; what this shell holds goes by: awsassume --clear' >&2
    (( ! ZSH_SUBSHELL )) || __awsassume_leave 'false;' 127 ''
    \builtin return 127
}

# Give each variable back what it held, but what was set since. See the memory in environment.py.
function __awsassume_clear {
    \builtin emulate -L zsh -o no_xtrace -o extended_glob -o no_multibyte
    \builtin local __awsassume_item __awsassume_left __awsassume_value
    \builtin local -a __awsassume_names
    \builtin local -A __awsassume_memory
    \builtin local -i __awsassume_ours=0
    [[ "${AWSASSUME_SAVED-}" != "${AWS_ACCESS_KEY_ID:- }":* ]] || __awsassume_ours=1
    for __awsassume_item in "${(@s:&:)AWSASSUME_SAVED-}"; do
        [[ "${__awsassume_item}" == (|[+-])AWS_[A-Z0-9_]##=* ]] || continue
        __awsassume_value="${__awsassume_item#*=}"
        __awsassume_memory[${__awsassume_item%%=*}]="${(g::)__awsassume_value//\%/\\x}"
        __awsassume_names+=("${${__awsassume_item%%=*}#[+-]}")
    done
    for __awsassume_item in AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_CREDENTIAL_EXPIRATION \
        AWS_SECURITY_TOKEN AWS_REGION AWS_DEFAULT_REGION AWS_PROFILE AWS_DEFAULT_PROFILE "${(@)__awsassume_names}"; do
        case "${__awsassume_item}" in
            (AWS_ACCESS_KEY_ID | AWS_SECRET_ACCESS_KEY | AWS_SESSION_TOKEN | AWS_CREDENTIAL_EXPIRATION)
                if (( ! __awsassume_ours )); then
                    \builtin unset "${__awsassume_item}"
                    continue
                fi
                ;;
            (AWS_PROFILE | AWS_DEFAULT_PROFILE | AWS_SECURITY_TOKEN | AWS_ACCOUNT_ID | AWS_CREDENTIAL_SCOPE | AWS_BEARER_TOKEN_*)
                [[ "${(P)__awsassume_item-}" == "${__awsassume_memory[+${__awsassume_item}]-}" ]] || continue
                ;;
            # Set since, by the user.
            (*) [[ "${(P)__awsassume_item-}" == "${__awsassume_memory[+${__awsassume_item}]-${__awsassume_memory[${__awsassume_item}]-}}" ]] || continue ;;
        esac
        if (( ${+__awsassume_memory[${__awsassume_item}]} )); then
            \builtin export "${__awsassume_item}=${__awsassume_memory[${__awsassume_item}]}"
        else
            \builtin unset "${__awsassume_item}"
        fi
    done
    \builtin unset AWSASSUME_ROLE AWSASSUME_EXPIRATION AWSASSUME_RENEW AWSASSUME_SAVED
}

# What a subshell leaves for the shell that reads it: the same call, to be made there. $1 seals what
# the call was made with, the environment too: the program does not take another for it.
function __awsassume_again {
    \builtin emulate -L zsh -o no_xtrace
    \builtin local __awsassume_seal="$1"
    \builtin shift
    awsassume "$@"
}

# Leave a line for the shell around this subshell, where it reads what this one writes: as in
# `eval "$(awsassume ROLE)"`, which otherwise would do nothing, well. The line is $1, $2 the status of
# the call and $3 its last word. Where no shell reads it, a call that nothing came after was for nothing.
function __awsassume_leave {
    \builtin emulate -L zsh -o no_xtrace
    \builtin local __awsassume_process=''
    if \builtin zmodload -F zsh/system p:sysparams 2>/dev/null; then
        __awsassume_process="${sysparams[pid]}"
    fi
    if [[ -n "${__awsassume_left_by-}" && "${__awsassume_left_by}" == "${__awsassume_process}" ]] || __awsassume_is_read; then
        \builtin typeset -g __awsassume_left_by="${__awsassume_process}"
        # Started by a process of its own: wait would wait for it, and it waits for the end.
        exec 1> >({ __awsassume_relay "$1" <&3 3<&- & } 3<&0)
    elif [[ -p /dev/fd/1 && "${ZSH_EVAL_CONTEXT}" == *(cmdsubst|outsubst)* ]]; then
        __awsassume_watch "$1" shown "$3"
    elif [[ "$2" == 0 ]]; then
        __awsassume_watch "$1" '' "$3"
    fi
}

# Whether the shell that this subshell was made by reads what it writes, as `$(...)` and `<(...)` are
# read, but no pipeline.
function __awsassume_is_read {
    \builtin emulate -L zsh -o no_xtrace
    \builtin local __awsassume_line __awsassume_file __awsassume_reads=''
    if [[ -z "${__awsassume_process}" || ! -e "/proc/${__awsassume_process}/fd" ]]; then
        # Without /proc a pipe in a substitution is taken for the one that is read.
        [[ -p /dev/fd/1 && "${ZSH_EVAL_CONTEXT}" == *(cmdsubst|outsubst)* ]]
        \builtin return
    fi
    # A subshell at the end of a script is no process of its own. And zsh may still hold the reading
    # end of a pipeline when its first part runs.
    [[ "${__awsassume_process}" != "$$" && "${ZSH_EVAL_CONTEXT}" == *(cmdsubst|outsubst)* ]] || \builtin return
    for __awsassume_file in "/proc/${sysparams[ppid]}/fd/"*(N); do
        # Both ends of a pipe are the same file; one is open for reading.
        # By another descriptor than 0, which is looked at.
        while IFS='' \builtin read -r -u 3 __awsassume_line; do
            case "${__awsassume_line}" in
                (flags:*0) [[ ! "${__awsassume_file}" -ef "/proc/${__awsassume_process}/fd/1" ]] || __awsassume_reads=1 ;;
                # What writes to it too has it as a coprocess.
                (flags:*1) [[ ! "${__awsassume_file}" -ef "/proc/${__awsassume_process}/fd/0" || ! -p "${__awsassume_file}" ]] || \builtin return 1 ;;
            esac
        done 3<"/proc/${sysparams[ppid]}/fdinfo/${__awsassume_file:t}"
    done
    [[ -n "${__awsassume_reads}" ]]
} 2>/dev/null

# See what comes after the call in this subshell. Where it has ended and nothing came, the line $1 is
# written, or, where $2 is nothing, it is said that the call was for nothing. Without a trap before
# each command: with one, zsh forgets what the user has trapped at the end.
function __awsassume_watch {
    \builtin emulate -L zsh -o no_xtrace
    \builtin local __awsassume_count='' __awsassume_before='' __awsassume_after=''
    if [[ -n "${__awsassume_over-}" ]]; then
        # An earlier call, which this one came after.
        __awsassume_used
        __awsassume_let_go
    fi
    \builtin typeset -g __awsassume_over=''
    __awsassume_list_children
    __awsassume_before="${__awsassume_after}"
    exec {__awsassume_over}> >(__awsassume_await "$1" "$2" "${__awsassume_process}" "${__awsassume_before}")
    __awsassume_list_children
    \builtin local -a __awsassume_old __awsassume_new
    __awsassume_old=("${(@z)__awsassume_before}")
    __awsassume_new=("${(@z)__awsassume_after}")
    \builtin typeset -g __awsassume_watcher="${(@)__awsassume_new:|__awsassume_old}"
    # What $_ is when nothing came after: the last word of this call, or of a function around it.
    \builtin typeset -ga __awsassume_last
    __awsassume_last=("$3" "${(@)funcstack}" true : false ']' ']]')
    __awsassume_count_children
    \builtin typeset -g __awsassume_children="${__awsassume_count}"
    # The trap is to outlive the function.
    \builtin setopt no_local_traps posix_traps
    \builtin trap '__awsassume_end "$?" "$_"' EXIT
}

# At the end of the subshell: a call that nothing came after has failed. $1 is the status, and $2 the
# last word of the last command.
function __awsassume_end {
    \builtin emulate -L zsh -o no_xtrace
    \builtin local __awsassume_count=''
    [[ -n "${__awsassume_over-}" ]] || \builtin return "$1"
    __awsassume_count_children
    if [[ "${__awsassume_count}" != "${__awsassume_children}" ]] || (( ! ${__awsassume_last[(Ie)$2]} )); then
        __awsassume_used
    elif [[ "$1" == 0 ]]; then
        \builtin exit 2
    fi
    \builtin return "$1"
}

function __awsassume_used {
    \builtin print -u "${__awsassume_over}" used
    exec {__awsassume_over}>&-
    \builtin typeset -g __awsassume_over=''
}

# Wait until the watcher of an earlier call is gone: it would be taken for a child that came after this one.
function __awsassume_let_go {
    \builtin local -i __awsassume_turn
    \builtin zmodload -F zsh/zselect b:zselect || \builtin return 0
    for (( __awsassume_turn = 0; __awsassume_turn < 1000; __awsassume_turn++ )); do
        [[ -n "${__awsassume_watcher-}" && -e "/proc/${__awsassume_watcher}" ]] || \builtin return 0
        \builtin zselect -t 1 || \builtin true
    done
} 2>/dev/null

# Set __awsassume_after to the processes that this subshell has started and that are there.
function __awsassume_list_children {
    __awsassume_after=''
    IFS='' \builtin read -r __awsassume_after <"/proc/${__awsassume_process}/task/${__awsassume_process}/children" || \builtin true
} 2>/dev/null

# Set __awsassume_count to a number that each child adds to that this subshell waited for.
function __awsassume_count_children {
    IFS='' \builtin read -r __awsassume_count <"/proc/${sysparams[pid]-}/stat" || \builtin return 0
    __awsassume_count="${${(z)__awsassume_count##*\) }[9]}"
} 2>/dev/null

# Wait for the end of the subshell of process $3, or for something in it that was worth the call. A
# function in a pipeline or in the background has no trap at its end: its children are looked for,
# but those that it had before ($4).
function __awsassume_await {
    \builtin emulate -L zsh -o no_xtrace
    \builtin local __awsassume_line='' __awsassume_pause=0.005 __awsassume_children=''
    \builtin local -i __awsassume_turn=0
    \builtin local -a __awsassume_old __awsassume_new
    __awsassume_old=("${(@z)4}")
    \builtin trap '' INT TERM HUP
    \builtin trap - EXIT
    \builtin zmodload -F zsh/system b:sysread p:sysparams || \builtin return
    while \builtin sysread -t "${__awsassume_pause}" __awsassume_line; (( $? == 4 )); do
        IFS='' \builtin read -r __awsassume_children <"/proc/$3/task/$3/children" || \builtin true
        __awsassume_new=("${(@)${(@z)__awsassume_children}:#${sysparams[pid]}}")
        __awsassume_new=("${(@)__awsassume_new:|__awsassume_old}")
        if [[ -n "${__awsassume_new[*]}" || ( -e "/proc/$3/exe" && ! "/proc/$3/exe" -ef "/proc/self/exe" ) ]]; then
            # Who writes to this may still do so.
            \builtin sysread __awsassume_line
            \builtin return 0
        fi
        (( ++__awsassume_turn != 200 )) || __awsassume_pause=0.05
    done 2>/dev/null
    [[ -z "${__awsassume_line}" ]] || \builtin return 0
    if [[ -n "$2" ]]; then
        \builtin print -r -- "$1"
    else
        __awsassume_line='took the role'
        [[ "$1" != *" '--clear'" ]] || __awsassume_line='was cleared'
        \builtin print -r -- "awsassume: a subshell ${__awsassume_line}, and has ended; this shell is as it was"$'\n'"  run, without |, & or ( ) around it: awsassume ${1#__awsassume_again * }" >&2
    fi
}

# Pass on what the rest of the subshell writes. Before it comes the line $1, where nothing is
# written or what is could be run, since it is for an eval then, and no value.
function __awsassume_relay {
    \builtin emulate -L zsh -o no_xtrace
    \builtin trap - EXIT
    \builtin local __awsassume_line __awsassume_more=$'\n'
    IFS='' \builtin read -r __awsassume_line || __awsassume_more=''
    if [[ -z "${__awsassume_line}${__awsassume_more}" ]] || __awsassume_is_code "${__awsassume_line}"; then
        \builtin print -r -- "$1"
    fi
    \builtin print -rn -- "${__awsassume_line}${__awsassume_more}"
    [[ -z "${__awsassume_more}" ]] || \command cat
}

# Whether a line is there to be run, and no value: by how the lines begin that people have a shell
# read. A variable that is set by its name alone ends in a semicolon then.
function __awsassume_is_code {
    \builtin emulate -L zsh -o no_xtrace
    case "$1" in
        ('export '* | 'unset '* | 'declare '* | 'typeset '* | 'readonly '* | 'alias '* | 'unalias '*) ;;
        ('eval '* | 'source '* | '. '* | 'set -'* | 'setopt '* | 'cd '* | 'aws '* | 'awsassume '*) ;;
        ([[:alpha:]_]*=*\;*) [[ "${1%%=*}" != *[^[:alnum:]_]* ]] ;;
        (*) \builtin return 1 ;;
    esac
}

\builtin typeset -ga __awsassume_covered
\builtin typeset -g awsassume_prompt='' __awsassume_left='' __awsassume_asked='' __awsassume_typed=''
\builtin typeset -gi __awsassume_completes=0

# Set awsassume_prompt, and __awsassume_left to the seconds that the session has left; to nothing
# where the keys are not ours, or never end. Starts no process. Takes 1 where ! is special in
# prompts.
function __awsassume_look {
    \builtin emulate -L zsh -o no_xtrace -o extended_glob
    awsassume_prompt=''
    __awsassume_left=''
    [[ "${AWSASSUME_SAVED-}" == "${AWS_ACCESS_KEY_ID:- }":* ]] || \builtin return 0
    awsassume_prompt="${AWSASSUME_ROLE-}"
    [[ "${awsassume_prompt}" != *[^[:ascii:]]* ]] || __awsassume_plain
    # What a prompt would expand again is doubled.
    awsassume_prompt="${${(V)awsassume_prompt}//\%/%%}"
    [[ "$1" != 1 ]] || awsassume_prompt="${awsassume_prompt//\!/!!}"
    [[ "${AWSASSUME_EXPIRATION-}" == [[:digit:]](#c1,11) ]] || \builtin return 0
    __awsassume_left="$(( 10#${AWSASSUME_EXPIRATION} - ${(%):-%D{%s\}} ))"
    if (( __awsassume_left > 0 )); then
        awsassume_prompt+=" $(( __awsassume_left < 60 ? 1 : (__awsassume_left + 30) / 60 ))m"
    else
        awsassume_prompt+=' expired'
    fi
}

# Take out of awsassume_prompt, by their bytes in UTF-8, the control characters of C1 and Unicode's
# format characters: a terminal obeys the ones, and the others turn round what is read.
function __awsassume_plain {
    \builtin emulate -L zsh -o no_xtrace -o no_multibyte
    \builtin local __awsassume_bytes
    for __awsassume_bytes in \
        $'\xc2[\x80-\x9f\xad]' $'\xd8[\x80-\x85\x9c]' $'\xdb\x9d' $'\xdc\x8f' $'\xe0\xa2[\x90\x91]' \
        $'\xe0\xa3\xa2' $'\xe1\xa0\x8e' $'\xe2\x80[\x8b-\x8f\xa8-\xae]' $'\xe2\x81[\xa0-\xaf]' $'\xef\xbb\xbf' \
        $'\xef\xbf[\xb9-\xbb]' $'\xf0\x91\x82\xbd' $'\xf0\x91\x83\x8d' $'\xf0\x93\x90[\xb0-\xbf]' \
        $'\xf0\x9b\xb2[\xa0-\xa3]' $'\xf0\x9d\x85[\xb3-\xba]' $'\xf3\xa0[\x80-\xbf][\x80-\xbf]'; do
        awsassume_prompt="${awsassume_prompt//${~__awsassume_bytes}/}"
    done
}

function awsassume_prompt {
    if [[ -o prompt_bang ]]; then __awsassume_look 1; else __awsassume_look 0; fi
    \builtin print -rn -- "${awsassume_prompt}"
}

# A session is asked for twice at most: when it is about to end and, where awsassume found
# that too soon, when it has ended. After a failure it is left alone.
function __awsassume_renew {
    \builtin emulate -L zsh -o no_xtrace -o no_aliases
    \builtin trap - DEBUG
    \builtin local __awsassume_code __awsassume_stage=soon
    if (( __awsassume_left > 180 )); then
        \builtin return 1
    elif (( __awsassume_left <= 0 )); then
        __awsassume_stage=gone
    fi
    case "${__awsassume_asked}" in
        ("${AWSASSUME_EXPIRATION} ${__awsassume_stage}" | "${AWSASSUME_EXPIRATION} gone")
            \builtin return 1
            ;;
    esac
    __awsassume_asked="${AWSASSUME_EXPIRATION} gone"
    __awsassume_is_there || \builtin return 1
    __awsassume_code="$(AWSASSUME_SHELL=zsh AWSASSUME_SHIM_FD=3 \command awsassume --renew 3>&1 >&2 </dev/null)" || \builtin return 1
    __awsassume_asked="${AWSASSUME_EXPIRATION} ${__awsassume_stage}"
    \builtin eval "${__awsassume_code}"
}

function __awsassume_hook {
    \builtin local __awsassume_bang=0
    [[ ! -o prompt_bang ]] || __awsassume_bang=1
    \builtin emulate -L zsh -o no_xtrace
    (( ! ${#__awsassume_covered} )) || __awsassume_put_away
    __awsassume_look "${__awsassume_bang}"
    if [[ -n "${__awsassume_left}" && "${AWSASSUME_AUTO_RENEW-}" != 0 ]] && __awsassume_renew; then
        __awsassume_look "${__awsassume_bang}"
    fi
    # compinit often comes after this file.
    if (( ! __awsassume_completes && ${+functions[compdef]} )); then
        compdef __awsassume_complete awsassume
        __awsassume_completes=1
    fi
    \builtin return 0
}

# Called by compsys, which has set the options that its functions need.
function __awsassume_complete {
    \builtin local __awsassume_line __awsassume_said
    \builtin local -a __awsassume_plain __awsassume_told
    \builtin local -i __awsassume_at="${words[(Ie)--]}"
    if (( __awsassume_at > 1 && __awsassume_at < CURRENT )); then
        \builtin shift "${__awsassume_at}" words
        (( CURRENT -= __awsassume_at ))
        _normal
        \builtin return
    fi
    __awsassume_said="$(AWSASSUME_SHELL=zsh \command awsassume --complete zsh -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)" || \builtin return 1
    for __awsassume_line in "${(@f)__awsassume_said}"; do
        case "${__awsassume_line}" in
            ('') ;;
            ($'\tfiles') _files && \builtin return ;;
            (*$'\t'*) __awsassume_told+=("${${__awsassume_line%%$'\t'*}//:/\\:}:${__awsassume_line#*$'\t'}") ;;
            (*) __awsassume_plain+=("${__awsassume_line}") ;;
        esac
    done
    if (( ${#__awsassume_told} )); then
        if [[ "${PREFIX}" == -* ]]; then
            _describe -t options option __awsassume_told
        else
            _describe -t roles role __awsassume_told
        fi
    fi
    (( ! ${#__awsassume_plain} )) || compadd -a __awsassume_plain
}

() {
    \builtin emulate -L zsh -o no_xtrace
    \builtin typeset -ga precmd_functions preexec_functions
    precmd_functions=("${(@)precmd_functions:#__awsassume_hook}" __awsassume_hook)
    preexec_functions=("${(@)preexec_functions:#__awsassume_preexec}" __awsassume_preexec)
    if (( ${+functions[compdef]} )); then
        compdef __awsassume_complete awsassume
        __awsassume_completes=1
    fi
}
