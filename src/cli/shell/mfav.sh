function _mfavault_use {
  \builtin local text line had_region
  text=$(
    _mfavault_forget_region
    \builtin command mfavault export --format dotenv --for-shell "$@"
  ) || \builtin return
  if [[ $text != AWS_ACCESS_KEY_ID=* ]]; then
    # It was asked for help, not for credentials.
    \builtin printf '%s\n' "$text"
    \builtin return 0
  fi
  _mfavault_off || \builtin return
  had_region=${AWS_REGION-}${AWS_DEFAULT_REGION-}
  while [[ -n $text ]]; do
    line=${text%%$'\n'*}
    \builtin export "${line?}" || \builtin return
    text=${text:${#line}}
    text=${text#$'\n'}
  done
  if [[ -z $had_region ]]; then
    _mfavault_region=${AWS_REGION-}
  fi
}

function _mfavault_off {
  if [[ $# -gt 0 ]]; then
    \builtin printf 'usage: mfav off\n' >&2
    \builtin return 2
  fi
  _mfavault_forget_region
  \builtin unset -v \
    @VARIABLES@
}

# Takes a region away that came with a profile; one that was here before stays.
function _mfavault_forget_region {
  if [[ -n ${_mfavault_region-} && ${AWS_REGION-} == "$_mfavault_region" ]]; then
    \builtin unset -v AWS_REGION AWS_DEFAULT_REGION
  fi
  _mfavault_region=
}
