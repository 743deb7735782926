# `mfav`: mfavault for this very shell. Once, and after an upgrade:
#   mfavault init nu | save --force ($nu.default-config-dir | path join mfavault.nu)
# and in config.nu:
#   source mfavault.nu
#
# mfav use PROFILE [OPTIONS]  this shell gets the credentials of the profile; the options are those of `export`
# mfav off                    and loses them
# mfav                        mfavault status
# mfav ANYTHING ELSE          mfavault ANYTHING ELSE
#
# The program is found by its name each time. Nothing that it prints is run.
def "nu-complete mfav" [context: string] {
    if ($context | str starts-with "mfav use ") {
        ^mfavault list --json | from json | get profile
    } else {
        [use off status list exec export login whoami explain code clear]
    }
}

def --env --wrapped mfav [...arguments: string@"nu-complete mfav"] {
    let word = $arguments | get --optional 0
    let rest = $arguments | skip 1
    if $word == null {
        ^mfavault status
    } else if $word == "use" {
        # A failure ends this here: nothing changes, and the exit status stays.
        let text = if ($env.MFAVAULT_REGION? != null and $env.MFAVAULT_REGION == $env.AWS_REGION?) {
            hide-env AWS_REGION AWS_DEFAULT_REGION MFAVAULT_REGION
            ^mfavault export --format dotenv --for-shell ...$rest
        } else {
            ^mfavault export --format dotenv --for-shell ...$rest
        }
        if not ($text | str starts-with "AWS_ACCESS_KEY_ID=") {
            # It was asked for help, not for credentials.
            print $text
            return
        }
        let new = $text | lines | parse --regex '^(?<name>[A-Z_]+)=(?<value>.*)$' | transpose --header-row --as-record
        hide-env --ignore-errors @VARIABLES@
        let had_region = ($env.AWS_REGION? != null or $env.AWS_DEFAULT_REGION? != null)
        load-env $new
        if not $had_region and $env.AWS_REGION? != null {
            $env.MFAVAULT_REGION = $env.AWS_REGION
        }
    } else if $word == "off" {
        if ($env.MFAVAULT_REGION? != null and $env.MFAVAULT_REGION == $env.AWS_REGION?) {
            hide-env --ignore-errors AWS_REGION AWS_DEFAULT_REGION
        }
        hide-env --ignore-errors MFAVAULT_REGION @VARIABLES@
    } else {
        ^mfavault ...$arguments
    }
}
