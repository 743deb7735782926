# `mfav`: mfavault for this very shell. In ~/.config/fish/config.fish:
#   mfavault init fish | source
#
# mfav use PROFILE [OPTIONS]  this shell gets the credentials of the profile; the options are those of `export`
# mfav off                    and loses them
# mfav                        mfavault status
# mfav ANYTHING ELSE          mfavault ANYTHING ELSE
#
# The program is found by its name each time, so that an upgrade needs no new shell. Nothing that it prints is run.
function mfav --description 'mfavault for this shell'
    if not builtin set -q argv[1]
        command mfavault status
        return
    end
    switch $argv[1]
        case use off
            builtin set -l name _mfavault_$argv[1]
            builtin set -e argv[1]
            $name $argv
        case '*'
            command mfavault $argv
    end
end

function _mfavault_use
    builtin set -l without
    if _mfavault_has_own_region
        builtin set without -u AWS_REGION -u AWS_DEFAULT_REGION
    end
    builtin set -l lines (command env $without mfavault export --format dotenv --for-shell $argv)
    or return
    if not builtin string match -q 'AWS_ACCESS_KEY_ID=*' -- "$lines[1]"
        # It was asked for help, not for credentials.
        builtin printf '%s\n' $lines
        return 0
    end
    _mfavault_off
    builtin set -l had_region "$AWS_REGION$AWS_DEFAULT_REGION"
    for line in $lines
        builtin set -l pair (builtin string split -m 1 = -- $line)
        builtin set -gx $pair[1] $pair[2]
    end
    if builtin test -z "$had_region"
        builtin set -g _mfavault_region "$AWS_REGION"
    end
    return 0
end

function _mfavault_off
    if builtin set -q argv[1]
        builtin printf 'usage: mfav off\n' >&2
        return 2
    end
    builtin set -l names @VARIABLES@
    if _mfavault_has_own_region
        builtin set -a names AWS_REGION AWS_DEFAULT_REGION
    end
    for name in $names
        builtin set -eg $name
        # A universal variable is not ours to erase, but commands must not see it.
        builtin set -q $name; and builtin set -gu $name
    end
    builtin set -eg _mfavault_region
    return 0
end

# Whether the region here came with a profile; one that was here before stays.
function _mfavault_has_own_region
    builtin test -n "$_mfavault_region"; and builtin test "$AWS_REGION" = "$_mfavault_region"
end
