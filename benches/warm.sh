#!/usr/bin/env bash
# How fast is what happens a hundred times a day: a command with a session that the vault remembers?
#
# Builds the release binary, makes a temporary world with `mfavault rehearse`, and measures in one run of hyperfine:
# a program that does nothing (the floor), the same through `exec`, `credential-process`, and what shells and people ask
# for without credentials. Prints the medians above the floor, how often AWS was asked meanwhile, the largest memory
# and the size, each beside its target, and ends with 1 if one is missed. Linux.
#
#   benches/warm.sh
set -euo pipefail
cd "$(dirname "$0")/.."

target_ms=2 target_mib=8 target_mb=12

for program in hyperfine python3 /usr/bin/time; do
  command -v "$program" >/dev/null || { echo "$program is missing" >&2; exit 2; }
done

if [ "${1:-}" != --in-the-world ]; then
  nice cargo build --release --locked --quiet
  exec target/release/mfavault rehearse -- "$PWD/benches/warm.sh" --in-the-world
fi

results=$(mktemp)
trap 'rm -f "$results"' EXIT
binary=$(command -v mfavault)

. benches/enrol.sh
mfavault exec rehearsal -- /bin/true
mfavault exec deploy -- /bin/true
# As in a shell with credentials, for `status`.
export MFAVAULT_PROFILE=rehearsal AWS_CREDENTIAL_EXPIRATION
AWS_CREDENTIAL_EXPIRATION=$(date -u -d "+47 minutes" +%Y-%m-%dT%H:%M:%SZ)
before=$(asked)

hyperfine --shell=none --warmup 50 --min-runs 300 --export-json "$results" \
  --command-name 'floor: true' /bin/true \
  --command-name 'exec, warm' "$binary exec rehearsal -- /bin/true" \
  --command-name 'credential-process, warm' "$binary credential-process rehearsal" \
  --command-name 'exec ROLE, warm' "$binary exec deploy -- /bin/true" \
  --command-name 'explain' "$binary explain deploy" \
  --command-name 'status --short' "$binary status --short" \
  --command-name 'list' "$binary list"

BINARY=$binary RESULTS=$results ASKED=$(($(asked) - before)) TARGETS="$target_ms $target_mib $target_mb" python3 - <<'PYTHON'
import json, os, subprocess, sys

binary = os.environ["BINARY"]
target_ms, target_mib, target_mb = map(float, os.environ["TARGETS"].split())
runs = {run["command"]: run["median"] * 1000 for run in json.load(open(os.environ["RESULTS"]))["results"]}
floor = runs.pop("floor: true")

def peak_mib(arguments):
    """The most memory that a process of these arguments had. By GNU time, for a child of Python counts Python's too."""
    command = ["/usr/bin/time", "-f", "%M", binary, *arguments]
    talk = subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    return int(talk.splitlines()[-1]) / 1024

missed = False

def line(what, value, unit, target):
    global missed
    within = value <= target
    missed |= not within
    print(f"  {what:<46}{value:8.2f} {unit:<4} target {target:g} {unit}  {'held' if within else 'MISSED'}")

print(f"\n  floor (a program that does nothing)             {floor:5.2f} ms")
for name, median in runs.items():
    line(f"{name}: median above the floor", median - floor, "ms", target_ms)
line("requests to AWS", int(os.environ["ASKED"]), "", 0)
line("memory of credential-process", peak_mib(["credential-process", "rehearsal"]), "MiB", target_mib)
line("size of the binary", os.path.getsize(binary) / 1e6, "MB", target_mb)
sys.exit(missed)
PYTHON
