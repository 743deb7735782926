#!/usr/bin/env bash
# What does the system's keystore cost a command, beside what its own tool takes for one lookup?
#
# Builds the release binary, makes a temporary world with `mfavault rehearse`, in it a D-Bus session with a GNOME Keyring,
# and measures in one run of hyperfine: a program that does nothing (the floor), `secret-tool lookup` of one item, and a
# command with a session that is remembered in the keyring. Ends with 1 if that is slower than the tool. Linux.
#
#   benches/os_keystore.sh            with the release binary
#   benches/os_keystore.sh BINARY     with this one
set -euo pipefail
cd "$(dirname "$0")/.."

for program in dbus-run-session dbus-send gnome-keyring-daemon secret-tool hyperfine python3; do
  command -v "$program" >/dev/null || { echo "$program is missing" >&2; exit 2; }
done

if [ "${1:-}" != --in-the-world ]; then
  binary=${1:-}
  if [ -z "$binary" ]; then
    nice cargo build --release --locked --quiet
    binary=target/release/mfavault
  fi
  exec "$binary" rehearse -- dbus-run-session -- "$PWD/benches/os_keystore.sh" --in-the-world
fi

folder=$(mktemp -d)
export XDG_RUNTIME_DIR=$folder
unset DISPLAY WAYLAND_DISPLAY MFAVAULT_PASSPHRASE
printf pass | XDG_DATA_HOME=$folder gnome-keyring-daemon --foreground --unlock --components=secrets >/dev/null 2>&1 &
keyring=$!
trap 'kill "$keyring"; rm -rf "$folder"' EXIT
# Whoever calls it too early has the bus start another one.
until dbus-send --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus.NameHasOwner \
  string:org.freedesktop.secrets | grep -q true; do sleep 0.05; done

binary=$(command -v mfavault)
export MFAVAULT_KEYSTORE=os
"$binary" add rehearsal --from-credentials-file
"$binary" exec rehearsal -- /bin/true
item=$(secret-tool search --all service mfavault 2>&1 | sed -n 's/^attribute.username = \(session\/.*\)/\1/p' | head -n 1)

hyperfine --shell=none --warmup 20 --min-runs 200 --export-json "$folder/results" \
  --command-name 'floor: true' /bin/true \
  --command-name 'secret-tool lookup' "secret-tool lookup service mfavault username $item" \
  --command-name 'exec, warm' "$binary exec rehearsal -- /bin/true" \
  --command-name 'credential-process, warm' "$binary credential-process rehearsal"

RESULTS=$folder/results python3 - <<'PYTHON'
import json, os, sys

runs = {run["command"]: run["median"] * 1000 for run in json.load(open(os.environ["RESULTS"]))["results"]}
floor, target = runs.pop("floor: true"), runs.pop("secret-tool lookup")
print(f"\n  floor (a program that does nothing)   {floor:6.2f} ms")
print(f"  secret-tool lookup                    {target:6.2f} ms")
for name, median in runs.items():
    print(f"  {name:<36}  {median:6.2f} ms   target {target:.2f} ms  {'held' if median <= target else 'MISSED'}")
sys.exit(any(median > target for median in runs.values()))
PYTHON
