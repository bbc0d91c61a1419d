# awsassume in fish. In ~/.config/fish/config.fish:  awsassume --init fish | source
#
# Every builtin is called through builtin, so that nobody's function stands in for it.

# Without a scope of its own it tells a variable of its caller's, which would cover what it sets, from one before its name.
function awsassume --no-scope-shadowing --description 'Take an AWS role into this shell, or give it back'
    if not __awsassume_is_there
        builtin set -l fish_trace
        __awsassume_go_without $argv
        builtin set -l __awsassume_status $status
        builtin set -e -l fish_trace
        return $__awsassume_status
    end
    # A command gets the terminal itself, job control and all: no code comes back.
    if builtin contains -- -- $argv
        command awsassume $argv
        return
    end
    # A trace would show secrets. It is on again once this is gone.
    builtin set -l fish_trace
    # Shell code comes back on descriptor 3; whatever else there is stays on stdout.
    builtin set -l __awsassume_code
    builtin set -lx AWSASSUME_PREFIXED (__awsassume_prefixed)
    AWSASSUME_SHELL=fish AWSASSUME_SHIM_FD=3 command awsassume $argv 3>| builtin read -lz __awsassume_code
    builtin set -l __awsassume_status $pipestatus[1]
    if builtin test $__awsassume_status -eq 0
        builtin eval $__awsassume_code; or builtin set __awsassume_status 1
    end
    # Whoever reads this, as `eval (awsassume ROLE)` and `awsassume ROLE | source` do, must fail too.
    if builtin test $__awsassume_status -ne 0 -a -n "$__awsassume_code"; and __awsassume_is_read
        builtin echo 'false;'
    end
    builtin set -e -l fish_trace
    return $__awsassume_status
end

function __awsassume_is_there
    command -q awsassume
end

# What the function does when the program is gone: it gives back what AWSASSUME_SAVED remembers.
function __awsassume_go_without
    if builtin test "$argv" = --clear
        __awsassume_clear
        return 0
    end
    builtin echo 'awsassume: the program is not installed any more, where this shell has it from
  install it again; what this shell holds goes by: awsassume --clear' >&2
    if __awsassume_is_read
        builtin echo 'false;'
    end
    return 127
end

# Give each variable back what it held, but what was set since. See the memory in environment.py.
function __awsassume_clear
    builtin set -l __awsassume_items (builtin string split '&' -- "$AWSASSUME_SAVED")
    builtin set -l __awsassume_keys AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_CREDENTIAL_EXPIRATION
    builtin set -l __awsassume_names $__awsassume_keys AWS_SECURITY_TOKEN AWS_REGION AWS_DEFAULT_REGION AWS_PROFILE AWS_DEFAULT_PROFILE
    builtin set -a __awsassume_names (builtin string replace -rf '^[+-]?(AWS_[A-Z0-9_]+)=.*' '$1' -- $__awsassume_items)
    builtin set -l __awsassume_ours no
    __awsassume_is_ours; and builtin set __awsassume_ours yes
    for __awsassume_name in $__awsassume_names
        builtin set -l __awsassume_put (__awsassume_recall + $__awsassume_name)
        builtin set -l __awsassume_earlier (__awsassume_recall '' $__awsassume_name)
        if builtin contains $__awsassume_name $__awsassume_keys
            builtin test $__awsassume_ours = yes; or builtin set -e __awsassume_earlier
        else
            builtin set -l __awsassume_left $__awsassume_put
            if not builtin set -q __awsassume_left[1]; and not builtin string match -qr '^AWS_(PROFILE|DEFAULT_PROFILE|SECURITY_TOKEN|ACCOUNT_ID|CREDENTIAL_SCOPE|BEARER_TOKEN_.*)$' -- $__awsassume_name
                builtin set __awsassume_left $__awsassume_earlier
            end
            # Set since, by the user.
            builtin test "$$__awsassume_name" = "$__awsassume_left"; or continue
        end
        if builtin set -q __awsassume_earlier[1]
            builtin set -gx $__awsassume_name $__awsassume_earlier
        else if builtin set -qg $__awsassume_name
            builtin set -eg $__awsassume_name
        end
    end
    for __awsassume_name in AWSASSUME_ROLE AWSASSUME_EXPIRATION AWSASSUME_RENEW AWSASSUME_SAVED
        builtin set -qg $__awsassume_name; and builtin set -eg $__awsassume_name
    end
    builtin true
end

# Print what the memory has of the variable $argv[2] under the mark $argv[1].
function __awsassume_recall
    for __awsassume_item in (builtin string split '&' -- "$AWSASSUME_SAVED")
        if builtin string match -q -- "$argv[1]$argv[2]=*" $__awsassume_item
            builtin string unescape --style=url -- (builtin string split -m 1 = -- $__awsassume_item)[2] | builtin string collect --allow-empty
            return
        end
    end
end

# Whether what the function writes goes to a command substitution or a pipe, and not where fish's own goes.
function __awsassume_is_read
    builtin status is-command-substitution; and return
    command sh -c 'test -p /dev/fd/1 && ! test /dev/fd/1 -ef "/proc/$1/fd/1"' sh $fish_pid 2>/dev/null
end

# Print the variables that stand before this call alone, or are local to a caller, each with what the
# shell itself holds of it, if it does.
function __awsassume_prefixed
    for __awsassume_name in (builtin set -nx | builtin string match -r '^AWS_.*')
        builtin set -ql $__awsassume_name; or continue
        # Of a caller's this function has a copy.
        builtin set -e -l $__awsassume_name
        if builtin set -qx $__awsassume_name
            builtin echo -- $__awsassume_name=(builtin string escape --style=url -- "$$__awsassume_name")
        else
            builtin echo -- $__awsassume_name
        end
    end
end

function __awsassume_clock
    # fish has no clock of its own: when a file changed and how long ago that was make one.
    builtin set -l __awsassume_then (builtin path mtime / 2>/dev/null)
    if builtin test -n "$__awsassume_then"
        builtin math $__awsassume_then + (builtin path mtime -R /)
    else
        command date +%s
    end
end

function __awsassume_is_ours
    builtin test -n "$AWS_ACCESS_KEY_ID"
    and builtin string match -q -- "$AWS_ACCESS_KEY_ID:*" "$AWSASSUME_SAVED"
end

# Print the seconds that the session has left; nothing where the keys are not ours, or never end.
function __awsassume_left
    __awsassume_is_ours; or return
    builtin string match -qr '^[0-9]{1,11}$' -- "$AWSASSUME_EXPIRATION"; or return
    builtin math $AWSASSUME_EXPIRATION - (__awsassume_clock)
end

function awsassume_prompt --description 'Print the role and the minutes left, for fish_prompt'
    builtin set -l fish_trace
    __awsassume_segment
    builtin set -e -l fish_trace
end

function __awsassume_segment
    __awsassume_is_ours; or return 0
    builtin printf %s (builtin string replace -ra '[\p{C}\p{Zl}\p{Zp}]' '' -- "$AWSASSUME_ROLE")
    builtin set -l __awsassume_seconds (__awsassume_left)
    if builtin test -z "$__awsassume_seconds"
        return 0
    else if builtin test $__awsassume_seconds -gt 0
        builtin echo -n " "(builtin math "max(1, round($__awsassume_seconds / 60))")m
    else
        builtin echo -n ' expired'
    end
end

# A session is asked for twice at most: when it is about to end and, where awsassume found
# that too soon, when it has ended. After a failure it is left alone.
function __awsassume_hook --on-event fish_prompt
    builtin set -l fish_trace
    __awsassume_renew
    builtin set -e -l fish_trace
end

function __awsassume_renew
    builtin test "$AWSASSUME_AUTO_RENEW" != 0; or return
    builtin set -l __awsassume_seconds (__awsassume_left)
    builtin test -n "$__awsassume_seconds"; or return
    builtin test $__awsassume_seconds -le 180; or return
    builtin set -l __awsassume_stage soon
    builtin test $__awsassume_seconds -gt 0; or builtin set __awsassume_stage gone
    builtin contains -- "$__awsassume_asked" "$AWSASSUME_EXPIRATION $__awsassume_stage" "$AWSASSUME_EXPIRATION gone"
    and return
    builtin set -g __awsassume_asked "$AWSASSUME_EXPIRATION gone"
    builtin set -l __awsassume_code
    __awsassume_is_there; or return
    AWSASSUME_SHELL=fish AWSASSUME_SHIM_FD=3 command awsassume --renew </dev/null 3>| builtin read -lz __awsassume_code
    builtin test $pipestatus[1] -eq 0; or return
    builtin set -g __awsassume_asked "$AWSASSUME_EXPIRATION $__awsassume_stage"
    builtin eval $__awsassume_code
end

function __awsassume_complete
    builtin set -l __awsassume_words (builtin commandline -opc)
    builtin set -l __awsassume_word (builtin commandline -ct)
    if builtin set -l __awsassume_at (builtin contains -i -- -- $__awsassume_words)
        builtin set -e __awsassume_words[1..$__awsassume_at]
        builtin complete -C (builtin string join ' ' -- (builtin string escape -- $__awsassume_words) "$__awsassume_word")
        return
    end
    builtin set __awsassume_word (builtin string unescape -- "$__awsassume_word"; or builtin echo -- "$__awsassume_word")
    builtin set -e __awsassume_words[1]
    for __awsassume_line in (AWSASSUME_SHELL=fish command awsassume --complete fish -- $__awsassume_words "$__awsassume_word" 2>/dev/null)
        if builtin test "$__awsassume_line" = \tfiles
            __fish_complete_path "$__awsassume_word"
        else
            builtin echo -- $__awsassume_line
        end
    end
end

builtin complete -c awsassume -e
builtin complete -c awsassume -f -a '(__awsassume_complete)'
