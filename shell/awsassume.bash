# shellcheck shell=bash
# awsassume in bash, 3.2 or later. In ~/.bashrc:  eval "$(awsassume --init bash)"
#
# Every builtin is called as \builtin, so that nobody's alias stands in for it.

\builtin unalias awsassume 2>/dev/null || \builtin true

awsassume() {
    \builtin local __awsassume_word __awsassume_code
    for __awsassume_word in "$@"; do
        # A command gets the terminal itself, job control and all: no code comes back.
        if [[ "${__awsassume_word}" == -- ]]; then
            \command awsassume "$@"
            \builtin return
        fi
    done
    # Shell code comes back on descriptor 3; whatever else there is stays on stdout.
    {
        __awsassume_code="$(AWSASSUME_SHELL=bash AWSASSUME_SHIM_FD=3 \command awsassume "$@" 3>&1 >&4 4>&-)"
    } 4>&1 || \builtin return
    __awsassume_apply "${__awsassume_code}"
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

awsassume_prompt() {
    __awsassume_look
    \builtin printf '%s' "${awsassume_prompt}"
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
    if __awsassume_code="$(AWSASSUME_SHELL=bash AWSASSUME_SHIM_FD=3 \command awsassume --renew 3>&1 >&2 </dev/null)"; then
        __awsassume_asked="${AWSASSUME_EXPIRATION} ${__awsassume_stage}"
        __awsassume_apply "${__awsassume_code}"
        __awsassume_look
    fi
}

__awsassume_hook() {
    \builtin local __awsassume_status="$?"
    __awsassume_look
    if [[ -n "${__awsassume_left}" && "${AWSASSUME_AUTO_RENEW-}" != 0 ]]; then
        __awsassume_renew || \builtin true
    fi
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
