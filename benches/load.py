#!/usr/bin/env python3
"""Runs `credential-process` for profiles in turn, so many at once, so long; load.sh starts it inside a rehearsal.

Around a process there is as little as possible: a thread for each slot, posix_spawn, waitpid. The floor, a program that
does nothing, is measured in just the same way.
"""

import argparse, collections, itertools, json, os, sys, threading, time, urllib.request

parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=float, required=True)
parser.add_argument("--parallel", type=int, required=True)
parser.add_argument("--pause", type=float, required=True, help="seconds between an answer and the slot's next call")
parser.add_argument("--target", type=float, required=True, help="ms above the floor for 95 %% of the warm answers")
parser.add_argument("--fewest", required=True, help="the fewest calls there can be: GetSessionToken=2,AssumeRole=4")
parser.add_argument("binary")
parser.add_argument("profiles", nargs="+")
arguments = parser.parse_args()

Call = collections.namedtuple("Call", "command begin milliseconds right")


def load(commands, seconds, is_right):
    """What became of each call of the commands, which are called in turn."""
    calls, turn = [], itertools.cycle(commands)
    begin_of_all = time.monotonic()

    def slot(number):
        reads, writes = os.pipe()
        to_pipe = [(os.POSIX_SPAWN_DUP2, writes, 1)]
        time.sleep(arguments.pause * number / arguments.parallel)
        while (begin := time.monotonic()) < begin_of_all + seconds:
            command = next(turn)
            process = os.posix_spawn(command[0], command, os.environ, file_actions=to_pipe)
            _, status = os.waitpid(process, 0)
            milliseconds = 1000 * (time.monotonic() - begin)
            os.write(writes, b"\n")
            printed = os.read(reads, 65536)
            calls.append(Call(command, begin, milliseconds, status == 0 and is_right(printed)))
            time.sleep(arguments.pause)

    slots = [threading.Thread(target=slot, args=[number]) for number in range(arguments.parallel)]
    for each in slots:
        each.start()
    for each in slots:
        each.join()
    return calls


def show(what, calls):
    times = sorted(call.milliseconds for call in calls)
    at = {percent: times[len(times) * percent // 100] for percent in (50, 95, 99)}
    print(f"  {what:<32}{len(calls):>7} calls" + "".join(f"   p{percent} {at[percent]:8.2f} ms" for percent in at))
    return at


def requests():
    with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_rehearsal/requests") as answer:
        return json.load(answer)


before = len(requests())
commands = [[arguments.binary, "credential-process", profile] for profile in arguments.profiles]
floor = load([["/bin/true"]], min(10, arguments.seconds), lambda printed: True)
calls = load(commands, arguments.seconds, lambda printed: printed.startswith(b'{"Version":1,'))
asked = requests()[before:]

# Warm is what began when there had been an answer for the same profile.
answered = {}
for call in calls:
    end, profile = call.begin + call.milliseconds / 1000, call.command[-1]
    answered[profile] = min(end, answered.get(profile, end))
warm = [call for call in calls if call.begin > answered[call.command[-1]]]

print()
at_floor, at_warm = show("floor: true", floor), show("credential-process, warm", warm)
show("the same, from the first call on", calls)

missed = False


def line(what, value, target, unit=""):
    global missed
    missed |= value > target
    print(f"  {what:<38}{value:8g}{unit}  target {target:g}{unit}  {'held' if value <= target else 'MISSED'}")


print()
line("95 % of warm answers, above the floor", round(at_warm[95] - at_floor[95], 2), arguments.target, " ms")
line("calls without credentials", sum(not call.right for call in calls), 0)
line("requests that AWS refused", sum(request["status"] >= 400 for request in asked), 0)
made = collections.Counter(request["action"] for request in asked)
for action, fewest in (part.split("=") for part in arguments.fewest.split(",")):
    line(f"{action}: requests", made.pop(action, 0), int(fewest))
line("other requests", sum(made.values()), 0)
sys.exit(missed)
