#!/bin/bash
# Runs an example of one page as its users do, and compares what it says.
#
#	test.sh PROGRAM CASE
set -u

program=$(realpath "$1")

# gives STATUS OUTPUT ARGUMENT...: run it, and this is what comes of it
gives() {
	status=$1
	wanted=$2
	shift 2
	out=$("$program" "$@" 2>&1 </dev/null)
	rc=$?
	printf '%s\n' "$out"
	[ "$rc" = "$status" ] && [ "$out" = "$wanted" ] && return
	printf 'FAIL: exit %s; wanted %s and:\n%s\n' "$rc" "$status" "$wanted"
	exit 1
}

case_tenlines() {
	out=$("$program" | sort)
	wanted='no-such-program: No such file or directory
sh: exit 3
sh: signal 15
true: exit 0'
	printf '%s\n' "$out"
	[ "$out" = "$wanted" ]
}

case_capture() {
	gives 3 $'output: 3 bytes\nout\nerrors: 4 bytes\nerr\nexit 3' \
		-- sh -c 'printf out; echo err >&2; exit 3'
	gives 0 $'output: 0 bytes\nerrors: 0 bytes\nexit 0' -- true
	gives 137 $'output: 0 bytes\nerrors: 0 bytes\nsignal 9' \
		-- sh -c 'kill -9 $$'
	# More than a pipe holds: it is not held up.
	gives 0 $'output: 5 bytes, and there was more\n00000\nerrors: 0 bytes\nexit 0' \
		-l 5 -- sh -c 'head -c 300000 /dev/zero | tr "\0" 0'
	# The deadline is also for what it has started.
	gives 124 $'output: 3 bytes\nup\nerrors: 0 bytes\nsignal 15, stopped at the deadline' \
		-t 300 -- sh -c 'echo up; sleep 1000 & sleep 1000; exit 0'
	gives 127 'capture: no-such-program: No such file or directory' \
		-- no-such-program
	gives 127 'capture: /dev/null: Permission denied' /dev/null
	usage='usage: capture [-l BYTES] [-t MS] -- COMMAND...'
	gives 2 "$usage"
	gives 2 "$usage" -l 0 -- true
	gives 2 "$usage" -t x -- true
}

"case_$2"
