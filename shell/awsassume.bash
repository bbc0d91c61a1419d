# shellcheck shell=bash
# awsassume in bash, 3.2 or later. In ~/.bashrc:  eval "$(awsassume --init bash)"
#
# Every builtin is called as \builtin, so that nobody's alias stands in for it.

\builtin unalias awsassume 2>/dev/null || \builtin true

awsassume() {
    \builtin local __awsassume_options="$-" __awsassume_users='' __awsassume_returns=0
    # What traces, by set -x or by a DEBUG trap in each function, would show secrets.
    [[ "${__awsassume_options}" != *T* ]] || __awsassume_users="$(\builtin trap -p DEBUG)"
    { \builtin set +xvT; } 2>/dev/null
    # A child that has this function alone, by `export -f`, would go on as whoever it was.
    if \builtin declare -F __awsassume_call __awsassume_tell __awsassume_go_without __awsassume_apply __awsassume_is_apart __awsassume_leave >/dev/null; then
        __awsassume_call "$@" || __awsassume_returns="$?"
    else
        # shellcheck disable=SC2016 # shown as it is
        \builtin printf '%s\n' 'awsassume: this shell has the function without its parts' '  run: eval "$(command awsassume --init bash)"' >&2
        [[ "${BASH_SUBSHELL}" == 0 ]] || \builtin printf '%s\n' 'false;'
        __awsassume_returns=2
    fi
    [[ "${__awsassume_options}" != *T* ]] || \builtin set -T
    [[ "${__awsassume_options}" != *v* ]] || \builtin set -v
    [[ "${__awsassume_options}" != *x* ]] || \builtin set -x
    \builtin return "${__awsassume_returns}"
}

__awsassume_call() {
    \builtin local __awsassume_word __awsassume_code __awsassume_command=0 __awsassume_status=0
    \builtin local __awsassume_inside=''
    if ! __awsassume_is_there; then
        __awsassume_go_without "$@"
        \builtin return
    fi
    for __awsassume_word in "$@"; do
        [[ "${__awsassume_word}" != -- ]] || __awsassume_command=1
    done
    # A command gets the terminal itself, job control and all: no code comes back. Not in a loop,
    # which bash leaves when the command is stopped, to go on behind it.
    if [[ "${__awsassume_command}" == 1 ]]; then
        \command awsassume "$@"
        \builtin return
    fi
    ! __awsassume_is_apart || __awsassume_inside=1
    # Shell code comes back on descriptor 3; whatever else there is stays on stdout.
    {
        __awsassume_code="$(__awsassume_tell && AWSASSUME_SHELL=bash AWSASSUME_SHIM_FD=3 AWSASSUME_SUBSHELL="${__awsassume_inside}:${__awsassume_seal-}" \command awsassume "$@" 3>&1 >&4 4>&-)"
    } 4>&1 || __awsassume_status="$?"
    if [[ -n "${__awsassume_inside}" ]]; then
        # The last line is for the shell around this subshell.
        __awsassume_word="${__awsassume_code##*$'\n'}"
        if [[ "${__awsassume_status}" == 0 && -n "${__awsassume_code}" ]]; then
            __awsassume_apply "${__awsassume_code%$'\n'*}" || {
                __awsassume_status="$?"
                __awsassume_word='false;'
            }
        fi
        [[ -z "${__awsassume_code}" ]] || __awsassume_leave "${__awsassume_word}" "${__awsassume_status}"
    elif [[ "${__awsassume_status}" == 0 ]]; then
        __awsassume_apply "${__awsassume_code}" || __awsassume_status="$?"
    fi
    \builtin return "${__awsassume_status}"
}

__awsassume_is_there() {
    \builtin type -P awsassume >/dev/null
}

# What the function does when the program is gone: it gives back what AWSASSUME_SAVED remembers.
__awsassume_go_without() {
    if [[ "$*" == --clear ]]; then
        __awsassume_clear
        ! __awsassume_is_apart || __awsassume_leave "__awsassume_again '' --clear" 0
        \builtin return 0
    fi
    \builtin printf '%s\n' 'awsassume: the program is not installed any more, where this shell has it from' '  install it again; what this shell holds goes by: awsassume --clear' >&2
    ! __awsassume_is_apart || __awsassume_leave 'false;' 127
    \builtin return 127
}

# Give each variable back what it held, but what was set since. See the memory in environment.py.
__awsassume_clear() {
    \builtin local IFS='&' __awsassume_item __awsassume_found __awsassume_left __awsassume_names=''
    \builtin local __awsassume_ours='' __awsassume_items="${AWSASSUME_SAVED-}"
    [[ "${__awsassume_items}" != "${AWS_ACCESS_KEY_ID:- }":* ]] || __awsassume_ours=1
    \builtin local -a __awsassume_memory
    # It holds no newline and no blank.
    \builtin read -r -a __awsassume_memory <<<"${__awsassume_items}" || \builtin true
    for __awsassume_item in "${__awsassume_memory[@]}"; do
        __awsassume_item="${__awsassume_item%%=*}"
        __awsassume_item="${__awsassume_item#[+-]}"
        [[ "${__awsassume_item}" != AWS_*[!A-Z0-9_]* && "${__awsassume_item}" == AWS_* ]] || continue
        __awsassume_names+="&${__awsassume_item}"
    done
    for __awsassume_item in AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_CREDENTIAL_EXPIRATION \
        AWS_SECURITY_TOKEN AWS_REGION AWS_DEFAULT_REGION AWS_PROFILE AWS_DEFAULT_PROFILE ${__awsassume_names#&}; do
        __awsassume_recall + "${__awsassume_item}" || {
            __awsassume_found=''
            case "${__awsassume_item}" in
                AWS_PROFILE | AWS_DEFAULT_PROFILE | AWS_SECURITY_TOKEN | AWS_ACCOUNT_ID | AWS_CREDENTIAL_SCOPE | AWS_BEARER_TOKEN_*) ;;
                *) __awsassume_recall '' "${__awsassume_item}" || __awsassume_found='' ;;
            esac
        }
        __awsassume_left="${__awsassume_found}"
        case "${__awsassume_item}" in
            AWS_ACCESS_KEY_ID | AWS_SECRET_ACCESS_KEY | AWS_SESSION_TOKEN | AWS_CREDENTIAL_EXPIRATION) ;;
            # Set since, by the user.
            *) [[ "${!__awsassume_item-}" == "${__awsassume_left}" ]] || continue ;;
        esac
        if [[ -z "${__awsassume_ours}" && "${__awsassume_item}" =~ ^AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|CREDENTIAL_EXPIRATION)$ ]] || ! __awsassume_recall '' "${__awsassume_item}"; then
            \builtin unset -v "${__awsassume_item}"
        else
            \builtin export "${__awsassume_item}=${__awsassume_found}"
        fi
    done
    \builtin unset -v AWSASSUME_ROLE AWSASSUME_EXPIRATION AWSASSUME_RENEW AWSASSUME_SAVED
}

# Set __awsassume_found to what the memory has of the variable $2 under the mark $1.
__awsassume_recall() {
    \builtin local __awsassume_item
    for __awsassume_item in "${__awsassume_memory[@]}"; do
        if [[ "${__awsassume_item}" == "$1$2="* ]]; then
            __awsassume_item="${__awsassume_item#*=}"
            \builtin printf -v __awsassume_found '%b' "${__awsassume_item//%/\\x}"
            \builtin return 0
        fi
    done
    \builtin return 1
}

# What a subshell leaves for the shell that reads it: the same call, to be made there. $1 seals what
# the call was made with, the environment too: the program does not take another for it.
__awsassume_again() {
    \builtin local __awsassume_seal="$1"
    \builtin shift
    awsassume "$@"
}

# Tell the program which variables stand before this call alone, or are local to a caller, and what
# the shell itself holds of them. Called in a subshell: it takes them away, one on top of another, to
# see. Before bash 4.4 there is no way to.
__awsassume_tell() {
    ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) || \builtin return 0
    \builtin local __awsassume_name __awsassume_seen __awsassume_mark=$'\1.' IFS=' '
    \builtin local __awsassume_names='' __awsassume_attributes
    for __awsassume_name in "${!AWS_@}"; do
        __awsassume_seen="${!__awsassume_name-}"
        # What is added to the shell's own shows, unless another is on top.
        \builtin declare -g "${__awsassume_name}+=${__awsassume_mark}" 2>/dev/null || continue
        if [[ "${!__awsassume_name-}" != "${__awsassume_seen}" ]]; then
            \builtin declare -g "${__awsassume_name}=${__awsassume_seen}"
            continue
        fi
        while [[ "${!__awsassume_name-${__awsassume_mark}}" != *"${__awsassume_mark}" ]]; do
            __awsassume_names+=" ${__awsassume_name}"
            \builtin unset -v "${__awsassume_name}"
        done
        \builtin eval "__awsassume_attributes=\"\${${__awsassume_name}@a}\""
        # A letter behind it keeps the newlines at its end.
        [[ "${__awsassume_attributes}" != *x* ]] || \builtin export "AWSASSUME_HELD_${__awsassume_name}=${!__awsassume_name%"${__awsassume_mark}"}x"
        \builtin export "${__awsassume_name}=${__awsassume_seen}"
    done
    [[ -z "${__awsassume_names}" ]] || \builtin export "AWSASSUME_PREFIXED=${__awsassume_names}"
}

# Run shell code as it stands: an alias of export would change its meaning, and show a secret.
__awsassume_apply() {
    \builtin local __awsassume_status=0
    if \builtin shopt -q expand_aliases; then
        \builtin shopt -u expand_aliases
        \builtin eval "$1" || __awsassume_status="$?"
        \builtin shopt -s expand_aliases
    else
        \builtin eval "$1" || __awsassume_status="$?"
    fi
    \builtin return "${__awsassume_status}"
}

# Whether this is a subshell. Without BASHPID, before bash 4, one in the background is not told.
__awsassume_is_apart() {
    [[ "${BASHPID:-$$}" != "$$" || "${BASH_SUBSHELL}" != 0 ]]
}

# Leave a line for the shell around this subshell, where it reads what this one writes: as in
# `eval "$(awsassume ROLE)"`, which otherwise would do nothing, well. The line is $1, and $2 the
# status of the call. Where no shell reads it, a call that nothing came after was for nothing.
__awsassume_leave() {
    \builtin local __awsassume_process="${BASHPID-}"
    if [[ -n "${__awsassume_left_by-}" && "${__awsassume_left_by}" == "${__awsassume_process}" ]] || (__awsassume_is_read "${__awsassume_process}"); then
        __awsassume_left_by="${__awsassume_process}"
        # Started by a process of its own: wait would wait for it, and it waits for the end. By eval:
        # in POSIX mode bash before 5.1 can't read it.
        \builtin eval 'exec 1> >({ __awsassume_relay "$1" <&3 3<&- & } 3<&0)'
    elif [[ -p /dev/fd/1 && "${__awsassume_process}" != "$$" ]] && (__awsassume_is_read "${__awsassume_process}" deep); then
        __awsassume_watch "$1" shown
    elif [[ "$2" == 0 ]]; then
        __awsassume_watch "$1" ''
    fi
}

# See what comes after the call in this subshell. Where it has ended and nothing came, the line $1 is
# written, or, where $2 is nothing, it is said that the call was for nothing.
__awsassume_watch() {
    \builtin local __awsassume_debug='' __awsassume_exit='' __awsassume_count='' __awsassume_line=$'\n'
    if [[ -n "${__awsassume_over-}" ]]; then
        # An earlier call, which this one came after.
        __awsassume_seen 'awsassume'
    fi
    __awsassume_over=87
    __awsassume_by="${BASHPID-}"
    \builtin eval 'exec 87> >(__awsassume_await "$1" "$2")' || \builtin return
    # Until the subshell sets a trap of its own, bash shows those of the shell around it.
    # Our own, of an earlier call, stay.
    if [[ "${__awsassume_users}" == *__awsassume_seen* ]]; then
        __awsassume_count_children
        __awsassume_children="${__awsassume_count}"
        \builtin return 0
    fi
    if \builtin trap - RTMAX 2>/dev/null; then
        __awsassume_debug="${__awsassume_users}"
        __awsassume_exit="$(\builtin trap -p EXIT)"
    fi
    \builtin eval "\\builtin set -- ${__awsassume_exit}"
    # POSIX mode names what has no trap, too.
    if [[ "${3:--}" == - ]]; then
        # The function is made without a DEBUG trap before it: it tells that the end has come.
        \builtin trap '__awsassume_has_ended() { :; }; __awsassume_end "${PIPESTATUS[@]}"' EXIT
    fi
    \builtin eval "\\builtin set -- ${__awsassume_debug}"
    # What runs in a subshell of this one is seen too.
    [[ "${__awsassume_options}" == *T* ]] || {
        __awsassume_untraced=1
        \builtin set -T
    }
    [[ "${3:--}" != - ]] || \builtin set --
    __awsassume_debug="${3:+${__awsassume_line}$3}"
    __awsassume_count_children
    __awsassume_children="${__awsassume_count}"
    \builtin trap -- '__awsassume_seen "${BASH_COMMAND}" "$_"'"${__awsassume_debug}" DEBUG
}

# Called before each command after the call, $1.
__awsassume_seen() {
    case "${__awsassume_over-}${FUNCNAME[1]-}" in
        87awsassume | 87__awsassume_call | 87__awsassume_again | 87__awsassume_leave | 87__awsassume_end) \builtin return 0 ;;
        87*) ;;
        *) \builtin return 0 ;;
    esac
    # shellcheck disable=SC2016 # these are looked for
    case "$1" in
        *AWS* | *'$('* | *'`'* | *[\<\>]'('*) ;;
        # What changes nothing outside of the subshell, and asks nobody who one is.
        '\builtin '* | true | : | false | 'exit' | 'exit 0' | return* | '[ '* | '[[ '* | 'test '* | '(('* | 'let '*) \builtin return 0 ;;
        'echo '* | 'printf '* | 'local '* | 'declare '* | 'export '* | 'unset '* | 'set '* | 'shopt '*) \builtin return 0 ;;
        'shift'* | 'break'* | 'continue'* | 'trap '* | 'cd '* | 'cd' | 'for '* | 'case '* | 'eval '*) \builtin return 0 ;;
        [[:alpha:]_]*=*) [[ "${1%%=*}" == *[![:alnum:]_]* || "$1" == *' '* ]] || \builtin return 0 ;;
    esac
    # At the end the command is not the next one.
    ! \builtin declare -F __awsassume_has_ended >/dev/null || \builtin return 0
    __awsassume_over=''
    \builtin printf 'used\n' >&87
    exec 87>&-
    [[ -z "${__awsassume_untraced-}" ]] || \builtin set +T
}

# At the end of the subshell: a call that nothing came after has failed, whatever ended well.
__awsassume_end() {
    \builtin local __awsassume_count=''
    [[ "$*" == 0 && -n "${__awsassume_over-}" ]] || \builtin return 0
    __awsassume_count_children
    [[ "${__awsassume_count}" != "${__awsassume_children}" ]] || \builtin exit 2
}

# Set __awsassume_count to a number that each child adds to that this subshell waited for.
__awsassume_count_children() {
    IFS='' \builtin read -r __awsassume_count <"/proc/${__awsassume_by}/stat" || \builtin return 0
    IFS=' ' \builtin read -r _ _ _ _ _ _ _ _ __awsassume_count _ <<<"${__awsassume_count##*) }" || \builtin return 0
} 2>/dev/null

# Wait for the end of the subshell, or for something in it that was worth the call.
__awsassume_await() {
    \builtin local __awsassume_line=''
    \builtin set +efux
    \builtin trap '' INT TERM HUP
    \builtin trap - DEBUG EXIT
    exec 87>&-
    if IFS='' \builtin read -r __awsassume_line; then
        \builtin exit 0
    fi
    if [[ -n "$2" ]]; then
        \builtin printf '%s\n' "$1"
    else
        __awsassume_line='took the role'
        [[ "$1" != *" '--clear'" ]] || __awsassume_line='was cleared'
        \builtin printf '%s\n' "awsassume: a subshell ${__awsassume_line}, and has ended; this shell is as it was" "  run, without |, & or ( ) around it: awsassume ${1#__awsassume_again * }" >&2
    fi
}

# Whether the shell that the subshell of process $1 was made by reads what it writes, as `$(...)` and
# `<(...)` are read, but no pipeline; with $2 one further out counts. Called in a subshell of its own:
# it sets what it needs.
__awsassume_is_read() {
    \builtin set +efux
    \builtin shopt -u failglob nullglob
    \builtin unset IFS
    \builtin local __awsassume_line __awsassume_file __awsassume_parent="$1" __awsassume_reads=''
    # Without /proc a pipe is taken for one that is read: what is not run is seen.
    [[ -e "/proc/$1/fd" ]] || {
        [[ -z "$2" && -p /dev/fd/1 ]]
        \builtin return
    }
    while [[ "${__awsassume_parent}" != "$$" ]]; do
        IFS='' \builtin read -r __awsassume_line <"/proc/${__awsassume_parent}/stat" || \builtin return
        __awsassume_line="${__awsassume_line##*) ? }"
        __awsassume_parent="${__awsassume_line%% *}"
        for __awsassume_file in "/proc/${__awsassume_parent}/fd/"*; do
            # Both ends of a pipe are the same file; one is open for reading.
            if [[ -n "$2" ]]; then
                [[ "${__awsassume_parent}" != "$$" && -p "${__awsassume_file}" && "${__awsassume_file##*/}" == 1 ]] && \builtin return 0
                continue
            fi
            while IFS='' \builtin read -r __awsassume_line; do
                case "${__awsassume_line}" in
                    flags:*0) [[ ! "${__awsassume_file}" -ef "/proc/$1/fd/1" ]] || __awsassume_reads=1 ;;
                    # What writes to it too has it as a coprocess.
                    flags:*1) [[ ! "${__awsassume_file}" -ef "/proc/$1/fd/0" || ! -p "${__awsassume_file}" ]] || \builtin return 1 ;;
                esac
            done <"/proc/${__awsassume_parent}/fdinfo/${__awsassume_file##*/}"
        done
        [[ -n "$2" ]] || {
            [[ -n "${__awsassume_reads}" ]]
            \builtin return
        }
    done
    \builtin return 1
} 2>/dev/null

# Pass on what the rest of the subshell writes. Before it comes the line $1, where nothing is
# written or what is could be run, since it is for an eval then, and no value.
__awsassume_relay() {
    \builtin set +efux
    \builtin unset IFS
    \builtin trap - EXIT
    \builtin local __awsassume_line __awsassume_more=$'\n'
    IFS='' \builtin read -r __awsassume_line || __awsassume_more=''
    if [[ -z "${__awsassume_line}${__awsassume_more}" ]] || __awsassume_is_code "${__awsassume_line}"; then
        \builtin printf '%s\n' "$1"
    fi
    \builtin printf '%s%s' "${__awsassume_line}" "${__awsassume_more}"
    [[ -z "${__awsassume_more}" ]] || \command cat
}

# Whether a line is there to be run, and no value: by how the lines begin that people have a shell
# read. A variable that is set by its name alone ends in a semicolon then.
__awsassume_is_code() {
    case "$1" in
        'export '* | 'unset '* | 'declare '* | 'typeset '* | 'readonly '* | 'alias '* | 'unalias '*) ;;
        'eval '* | 'source '* | '. '* | 'set -'* | 'shopt '* | 'cd '* | 'aws '* | 'awsassume '*) ;;
        [[:alpha:]_]*=*\;*) [[ "${1%%=*}" != *[![:alnum:]_]* ]] ;;
        *) \builtin return 1 ;;
    esac
}

if [[ -n "${EPOCHSECONDS-}" ]]; then
    __awsassume_clock() { __awsassume_now="${EPOCHSECONDS}"; }
elif \builtin printf -v __awsassume_now '%(%s)T' -1 2>/dev/null; then
    __awsassume_clock() { \builtin printf -v __awsassume_now '%(%s)T' -1; }
else
    __awsassume_began="$(\command date +%s)"
    __awsassume_began="$((__awsassume_began - SECONDS))"
    __awsassume_clock() { __awsassume_now="$((__awsassume_began + SECONDS))"; }
fi

# Set awsassume_prompt, and __awsassume_left to the seconds that the session has left; to nothing
# where the keys are not ours, or never end. Starts no process.
__awsassume_look() {
    awsassume_prompt=''
    __awsassume_left=''
    [[ "${AWSASSUME_SAVED-}" == "${AWS_ACCESS_KEY_ID:- }":* ]] || \builtin return 0
    awsassume_prompt="${AWSASSUME_ROLE-}"
    awsassume_prompt="${awsassume_prompt//[[:cntrl:]]/}"
    [[ "${awsassume_prompt}" != *[![:ascii:]]* ]] || __awsassume_plain
    case "${AWSASSUME_EXPIRATION-}" in
        '' | *[![:digit:]]* | ????????????*) \builtin return 0 ;;
    esac
    __awsassume_clock
    __awsassume_left="$((10#${AWSASSUME_EXPIRATION} - __awsassume_now))"
    if ((__awsassume_left > 0)); then
        awsassume_prompt+=" $((__awsassume_left < 60 ? 1 : (__awsassume_left + 30) / 60))m"
    else
        awsassume_prompt+=' expired'
    fi
}

# Take out of awsassume_prompt, by their bytes in UTF-8, the control characters of C1 and Unicode's
# format characters: a terminal obeys the ones, and the others turn round what is read.
__awsassume_plain() {
    \builtin local LC_ALL=C __awsassume_bytes
    for __awsassume_bytes in \
        $'\xc2[\x80-\x9f\xad]' $'\xd8[\x80-\x85\x9c]' $'\xdb\x9d' $'\xdc\x8f' $'\xe0\xa2[\x90\x91]' \
        $'\xe0\xa3\xa2' $'\xe1\xa0\x8e' $'\xe2\x80[\x8b-\x8f\xa8-\xae]' $'\xe2\x81[\xa0-\xaf]' $'\xef\xbb\xbf' \
        $'\xef\xbf[\xb9-\xbb]' $'\xf0\x91\x82\xbd' $'\xf0\x91\x83\x8d' $'\xf0\x93\x90[\xb0-\xbf]' \
        $'\xf0\x9b\xb2[\xa0-\xa3]' $'\xf0\x9d\x85[\xb3-\xba]' $'\xf3\xa0[\x80-\xbf][\x80-\xbf]'; do
        awsassume_prompt="${awsassume_prompt//${__awsassume_bytes}/}"
    done
}

awsassume_prompt() {
    \builtin local __awsassume_options="$-"
    { \builtin set +xvT; } 2>/dev/null
    __awsassume_look
    \builtin printf '%s' "${awsassume_prompt}"
    [[ "${__awsassume_options}" != *T* ]] || \builtin set -T
    [[ "${__awsassume_options}" != *v* ]] || \builtin set -v
    [[ "${__awsassume_options}" != *x* ]] || \builtin set -x
}

# A session is asked for twice at most: when it is about to end and, where awsassume found
# that too soon, when it has ended. After a failure it is left alone.
__awsassume_renew() {
    \builtin local __awsassume_code __awsassume_stage=soon
    if ((__awsassume_left > 180)); then
        \builtin return 0
    elif ((__awsassume_left <= 0)); then
        __awsassume_stage=gone
    fi
    case "${__awsassume_asked-}" in
        "${AWSASSUME_EXPIRATION} ${__awsassume_stage}" | "${AWSASSUME_EXPIRATION} gone")
            \builtin return 0
            ;;
    esac
    __awsassume_asked="${AWSASSUME_EXPIRATION} gone"
    __awsassume_is_there || \builtin return 0
    if __awsassume_code="$(AWSASSUME_SHELL=bash AWSASSUME_SHIM_FD=3 \command awsassume --renew 3>&1 >&2 </dev/null)"; then
        __awsassume_asked="${AWSASSUME_EXPIRATION} ${__awsassume_stage}"
        __awsassume_apply "${__awsassume_code}"
        __awsassume_look
    fi
}

__awsassume_hook() {
    \builtin local __awsassume_status="$?" __awsassume_options="$-"
    { \builtin set +xvT; } 2>/dev/null
    __awsassume_look
    if [[ -n "${__awsassume_left}" && "${AWSASSUME_AUTO_RENEW-}" != 0 ]]; then
        __awsassume_renew || \builtin true
    fi
    [[ "${__awsassume_options}" != *T* ]] || \builtin set -T
    [[ "${__awsassume_options}" != *v* ]] || \builtin set -v
    [[ "${__awsassume_options}" != *x* ]] || \builtin set -x
    # The commands behind this one find $? as the user left it; errexit would end the shell.
    # shellcheck disable=SC2154 # assigned by \builtin local
    [[ $- == *e* ]] || \builtin return "${__awsassume_status}"
}

# The words before the cursor as the shell would read them: COMP_WORDS has them cut at each
# : and =, and with their quotes. Sets __awsassume_words, which begins with --, and
# __awsassume_quote, which is the quote that is still open.
__awsassume_split() {
    \builtin local __awsassume_line="${COMP_LINE:0:COMP_POINT}" __awsassume_char __awsassume_word=''
    \builtin local -i __awsassume_at __awsassume_inside=0 __awsassume_count=0
    __awsassume_words=(--)
    __awsassume_quote=''
    for ((__awsassume_at = 0; __awsassume_at < ${#__awsassume_line}; __awsassume_at++)); do
        __awsassume_char="${__awsassume_line:__awsassume_at:1}"
        if [[ "${__awsassume_quote}" == "${__awsassume_char}" ]]; then
            __awsassume_quote=''
        elif [[ "${__awsassume_char}" == \\ && "${__awsassume_quote}" != \' ]]; then
            __awsassume_at=$((__awsassume_at + 1))
            __awsassume_word+="${__awsassume_line:__awsassume_at:1}"
            __awsassume_inside=1
        elif [[ -n "${__awsassume_quote}" ]]; then
            __awsassume_word+="${__awsassume_char}"
        elif [[ "${__awsassume_char}" == [\'\"] ]]; then
            __awsassume_quote="${__awsassume_char}"
            __awsassume_inside=1
        elif [[ "${__awsassume_char}" != [[:space:]] ]]; then
            __awsassume_word+="${__awsassume_char}"
            __awsassume_inside=1
        elif ((__awsassume_inside)); then
            ((__awsassume_count == 0)) || __awsassume_words+=("${__awsassume_word}")
            __awsassume_count=$((__awsassume_count + 1))
            __awsassume_word=''
            __awsassume_inside=0
        fi
    done
    __awsassume_words+=("${__awsassume_word}")
}

__awsassume_complete() {
    \builtin local __awsassume_quote __awsassume_word __awsassume_said __awsassume_line __awsassume_cut
    \builtin local -a __awsassume_words
    \builtin local -i __awsassume_at
    COMPREPLY=()
    __awsassume_split
    __awsassume_word="${__awsassume_words[${#__awsassume_words[@]} - 1]}"
    for ((__awsassume_at = 1; __awsassume_at < ${#__awsassume_words[@]} - 1; __awsassume_at++)); do
        if [[ "${__awsassume_words[__awsassume_at]}" == -- ]]; then
            __awsassume_complete_command "$((${#__awsassume_words[@]} - __awsassume_at))"
            \builtin return 0
        fi
    done
    __awsassume_said="$(AWSASSUME_SHELL=bash \command awsassume --complete bash "${__awsassume_words[@]}" 2>/dev/null)" || \builtin return 0
    # Readline has cut the word at its last : or =, and replaces only what is behind it.
    __awsassume_cut=''
    [[ -n "${__awsassume_quote}" ]] || __awsassume_cut="${__awsassume_word%"${__awsassume_word##*[:=]}"}"
    while IFS='' \builtin read -r __awsassume_line; do
        if [[ "${__awsassume_line}" == $'\tfiles' ]]; then
            \builtin compopt -o default 2>/dev/null || \builtin true
            continue
        fi
        __awsassume_line="${__awsassume_line%%$'\t'*}"
        # Readline would put what these have in common in place of what was typed.
        [[ -n "${__awsassume_line}" && "${__awsassume_line}" == "${__awsassume_word}"* ]] || continue
        __awsassume_line="${__awsassume_line#"${__awsassume_cut}"}"
        [[ -n "${__awsassume_quote}" ]] || \builtin printf -v __awsassume_line '%q' "${__awsassume_line}"
        COMPREPLY+=("${__awsassume_line}")
    done <<<"${__awsassume_said}"
}

# Complete the command behind --, whose word number $1 the cursor is on.
__awsassume_complete_command() {
    \builtin local -i __awsassume_at
    \builtin local __awsassume_line __awsassume_kind=-f
    for ((__awsassume_at = 1; __awsassume_at < COMP_CWORD; __awsassume_at++)); do
        [[ "${COMP_WORDS[__awsassume_at]}" != -- ]] || break
    done
    if \builtin declare -F _command_offset >/dev/null; then
        _command_offset "$((__awsassume_at + 1))"
    elif \builtin declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$((__awsassume_at + 1))"
    else
        (($1 > 2)) || __awsassume_kind=-c
        \builtin compopt -o filenames 2>/dev/null || \builtin true
        while IFS='' \builtin read -r __awsassume_line; do
            [[ -z "${__awsassume_line}" ]] || COMPREPLY+=("${__awsassume_line}")
        done <<<"$(\builtin compgen "${__awsassume_kind}" -- "${COMP_WORDS[COMP_CWORD]}")"
    fi
}

\builtin complete -F __awsassume_complete awsassume 2>/dev/null || \builtin true

if [[ $- == *i* && "${PROMPT_COMMAND[*]-}" != *__awsassume_hook* ]]; then
    if [[ "$(\builtin declare -p PROMPT_COMMAND 2>/dev/null)" == 'declare -a'* ]]; then
        PROMPT_COMMAND+=(__awsassume_hook)
    else
        # A newline ends whatever the command before it may end in, a comment too.
        # shellcheck disable=SC2178,SC2128 # a string in this branch
        PROMPT_COMMAND="${PROMPT_COMMAND:+${PROMPT_COMMAND}$'\n'}__awsassume_hook"
    fi
fi
