# `mfav`: mfavault for this very shell. In ~/.zshrc, below `compinit`:
#   eval "$(mfavault init zsh)"
#
# mfav use PROFILE [OPTIONS]  this shell gets the credentials of the profile; the options are those of `export`
# mfav off                    and loses them
# mfav                        mfavault status
# mfav ANYTHING ELSE          mfavault ANYTHING ELSE
#
# The program is found by its name each time, so that an upgrade needs no new shell. Nothing that it prints is run.
\builtin unalias mfav 2>/dev/null || \builtin true

function mfav {
  case ${1-} in
    use | off)
      # Secrets are not to be traced.
      \builtin setopt local_options no_xtrace
      "_mfavault_$1" "${@:2}"
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

