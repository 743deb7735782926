# `mfav`: mfavault for this very shell. In ~/.bashrc:
#   eval "$(mfavault init bash)"
#
# mfav use PROFILE [OPTIONS]  this shell gets the credentials of the profile; the options are those of `export`
# mfav off                    and loses them
# mfav                        mfavault status
# mfav ANYTHING ELSE          mfavault ANYTHING ELSE
#
# The program is found by its name each time, so that an upgrade needs no new shell. Nothing that it prints is run.
# Aliases are for what is typed, not for what is read here.
_mfavault_aliases=$(\builtin shopt -p expand_aliases) || \builtin true
\builtin shopt -u expand_aliases
\builtin unalias mfav 2>/dev/null || \builtin true

function mfav {
  case ${1-} in
    use | off)
      \builtin local traced=${-//[^x]/} code=0
      # Secrets are not to be traced.
      { \builtin set +x; } 2>/dev/null
      "_mfavault_$1" "${@:2}" || code=$?
      [[ -z $traced ]] || \builtin set -x
      \builtin return "$code"
      ;;
    *)
      if [[ $# -eq 0 ]]; then
        \builtin command mfavault status
      else
        \builtin command mfavault "$@"
      fi
      ;;
  esac
}

