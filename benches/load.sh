#!/usr/bin/env bash
# How does it stand the load of a tool like Terraform: many processes that want credentials of a few profiles at once?
#
# Builds the release binary and makes a temporary world with `mfavault rehearse`, in which STS takes 80 ms to answer.
# There, 30 slots call `credential-process` for five profiles in turn (a user, three roles of that user, a role of a
# role), first with nothing remembered; between two calls a slot does other work, or the machine would be measured,
# not the program (--pause 0 does just that). Prints how long the answers took beside a program that does nothing, how
# many requests AWS got and how many failed, and ends with 1 if a target is missed. Linux.
#
#   benches/load.sh [--seconds 60] [--parallel 30] [--pause 0.1] [--binary target/release/mfavault]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=60 parallel=30 pause=0.1 binary=
# A session for the user, one for all roles; three roles, and the one that is reached from the first of them.
target_ms=5 fewest=GetSessionToken=2,AssumeRole=4

while [ $# -gt 0 ] && [ "$1" != --in-the-world ]; do
  [ $# -gt 1 ] || { echo "$1 needs a value" >&2; exit 2; }
  case $1 in
    --seconds) seconds=$2 ;;
    --parallel) parallel=$2 ;;
    --pause) pause=$2 ;;
    --binary) binary=$2 ;;
    *) echo "usage: benches/load.sh [--seconds N] [--parallel N] [--pause SECONDS] [--binary FILE]" >&2; exit 2 ;;
  esac
  shift 2
done

if [ "${1:-}" != --in-the-world ]; then
  command -v python3 >/dev/null || { echo "python3 is missing" >&2; exit 2; }
  if [ -z "$binary" ]; then
    nice cargo build --release --locked --quiet
    binary=target/release/mfavault
  fi
  exec "$binary" rehearse -- "$PWD/benches/load.sh" \
    --seconds "$seconds" --parallel "$parallel" --pause "$pause" --in-the-world
fi

. benches/enrol.sh

role=arn:aws:iam::111122223333:role
cat >> "$AWS_CONFIG_FILE" <<CONFIG

[profile build]
role_arn = $role/deploy
role_session_name = build
source_profile = rehearsal

[profile open]
role_arn = $role/open
source_profile = rehearsal

[profile chained]
role_arn = $role/open
source_profile = deploy
CONFIG
steer "fault?action=GetSessionToken&kind=latency&milliseconds=80"
steer "fault?action=AssumeRole&kind=latency&milliseconds=80"

python3 benches/load.py --seconds "$seconds" --parallel "$parallel" --pause "$pause" --target "$target_ms" \
  --fewest "$fewest" "$(command -v mfavault)" rehearsal deploy build open chained
