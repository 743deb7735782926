# Sourced by the benches inside `mfavault rehearse`: alice's key in the vault, her device enabled, nothing remembered,
# the vault unlocked as a person has it, who typed the passphrase once.

# Steers the stand-in of AWS.
steer() {
  python3 -c 'import sys, urllib.request as http; http.urlopen(http.Request(sys.argv[1], b"")).read()' \
    "$AWS_ENDPOINT_URL/_rehearsal/$1"
}

# How many requests it got so far.
asked() {
  python3 -c 'import json, sys, urllib.request as http; print(len(json.load(http.urlopen(sys.argv[1]))))' \
    "$AWS_ENDPOINT_URL/_rehearsal/requests"
}

{
  # The device is enabled and proved with codes of some minutes ago, so that those of now are not spent.
  steer "clock?offset_seconds=-240"
  mfavault add rehearsal --from-credentials-file
  mfavault mfa enable rehearsal
  mfavault clear
  steer "clock?offset_seconds=0"
  rm "$XDG_STATE_HOME/mfavault/clock-offset"
  mfavault unlock --for 1h
} 2>&1 | sed 's/^/  /'
unset MFAVAULT_PASSPHRASE
