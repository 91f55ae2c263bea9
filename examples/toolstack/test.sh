#!/bin/bash
# Runs the toolstack as its users do, and looks at what it says and leaves behind.
#
#	test.sh TOOLSTACK CASE [WAKE]
#
# Nothing here waits for some time to pass: a case reads until it has seen what it
# waits for, and CTest ends it when that never comes.
set -u

toolstack=$(realpath "$1")
wake=${3-auto}
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
seen=

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

skip() {
	echo "skipped: $*"
	exit 77
}

# Run the toolstack to its end: its status in $rc, what it printed in $tmp/out and
# $tmp/err, all of which is shown.
run() {
	"$toolstack" --wake="$wake" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	rc=$?
	cat "$tmp/out" "$tmp/err"
}

says() { # FILE PATTERN
	grep -Eq -e "$2" "$tmp/$1" || fail "$1 does not say '$2'"
}

is() { # WHAT VALUE WANTED
	[ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
}

domains() { # makes $tmp/domains of standard input
	sed "s|@TMP@|$tmp|g" >"$tmp/domains"
}

# Begin the toolstack with its input and output on descriptors 4 and 3.
begin() {
	mkfifo "$tmp/in" "$tmp/lines"
	"$toolstack" --wake="$wake" "$@" <"$tmp/in" >"$tmp/lines" &
	pid=$!
	exec 4>"$tmp/in" 3<"$tmp/lines"
}

# Read what it prints until all that was printed matches PATTERN.
await() {
	until [[ $seen =~ $1 ]]; do
		IFS= read -r -u 3 line || fail "it ended before it said '$1'"
		printf '%s\n' "$line"
		seen+=$line$'\n'
	done
}

# Read on to its end, with its exit status in $rc.
finish() {
	cat <&3 | tee "$tmp/out"
	wait "$pid"
	rc=$?
}

two_sleepers() {
	domains <<-'END'
		domain one
			device-model sleep 1000
			expect signal 15
			grace 20000
		domain two
			device-model sleep 1000
			expect signal 15
			grace 20000
			restarts 3
	END
}

running='device model started'

# What may not differ between the wakes: the table and the books.
books() { # FILE
	sed -n '/^DOMAIN/,/^This differs/p' "$1"
}

# How the deaths were noticed, and whether somebody stole: NUMBER of programs.
noticed() {
	says out '^thefts: 0, 0 statuses recovered, 0 lost'
	case $wake${SIGCHLD_PORTABLE:+, portable} in
	signal*) ways='0 programs on pidfds, 0 demoted, [1-9][0-9]* runs' ;;
	*portable) ways="0 programs on pidfds, $1 demoted, [1-9][0-9]* runs" ;;
	*) ways="$1 programs on pidfds, 0 demoted, 0 runs" ;;
	esac
	says out "^wake $wake: $ways"
}

case_builtin() {
	wakes='signal pidfd auto'
	[ -z "${SIGCHLD_PORTABLE-}" ] || wakes='signal auto'
	for wake in $wakes; do
		"$toolstack" --plain --wake="$wake" >"$tmp/$wake" </dev/null &
	done
	wait
	for wake in $wakes; do
		mv "$tmp/$wake" "$tmp/out"
		cat "$tmp/out"
		builtin_is_right
		books "$tmp/out" >"$tmp/books"
		[ -e "$tmp/first" ] || cp "$tmp/books" "$tmp/first"
		diff "$tmp/first" "$tmp/books" || fail "$wake shows another table"
	done
}

builtin_is_right() {
	says out 'Every status was delivered once, to its owner, and true\.'
	says out 'children left: none'
	says out '^deaths: 0 missing, 0 doubled, 0 foreign$'
	figures=$(sed -n 's/^\([0-9]*\) domains: \([0-9]*\) programs started, \([0-9]*\) deaths told$/\1 \2 \3/p' "$tmp/out")
	read -r domains started deaths <<<"$figures"
	[ "$domains" -ge 8 ] || fail "only $domains domains"
	[ "$deaths" -ge 300 ] || fail "only $deaths deaths"
	is deaths "$deaths" "$started"
	says out "^statuses: $deaths known beforehand, 0 wrong, 0 lost"
	says out '^not executable: 2, told by the call, 0 wrong'
	# The end of standard input did not end it: each reached its own end.
	says out '^database +failed +- +71 +70/70  device model: signal 9'
	says out '^firewall +stopped +- +3 +0/0  device model: signal 15'
	says out '^stubborn +stopped +- +1 +0/0  device model: signal 9'
	says out '^report +finished .* device model: exit 0'
	says out '^unplugged +failed .* attach helper: exit 4'
	says out '^forgotten +failed .* cannot execute toolstack-no-such-program: No such file'
	says out '^forbidden +failed .* cannot execute /dev/null: Permission denied'
	own=$(sed -n 's/^main thread: \([0-9]*\) children of its own, \1 right, 0 lost$/\1/p' "$tmp/out")
	[ "${own:-0}" -ge 20 ] || fail "only ${own:-0} children of the main thread"
	noticed "$deaths"
}

case_crashes() {
	domains <<-'END'
		domain one
			device-model sh -c 'exit 7'
			expect exit 7
			restarts 20
		domain two
			device-model sh -c 'kill -9 $$'
			expect signal 9
			restarts 20
	END
	run --plain --domains "$tmp/domains"
	is 'exit status' $rc 0
	says out '^2 domains: 42 programs started, 42 deaths told'
	noticed 42
}

# A build or a kernel that has no pidfds says so, and starts nothing.
case_no_pidfds() {
	wake=pidfd
	if [ -n "${SIGCHLD_PORTABLE-}" ]; then
		run --plain
	elif strace -o /dev/null true 2>/dev/null; then
		ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null \
			-e inject=pidfd_open:error=ENOSYS \
			"$toolstack" --plain --wake=pidfd >"$tmp/out" 2>"$tmp/err"
		rc=$?
	else
		skip 'strace is not installed'
	fi
	is 'exit status' $rc 2
	says err '--wake=pidfd: .*use --wake=auto'
	is 'what was printed' "$(cat "$tmp/out")" ''
}

# Does the kernel tell the status of a child that somebody else has reaped? For
# that its pidfd must have come with it, which it does not under a sanitizer:
# there a child may be stolen before that; if none was, all is well, too.
statuses_are_recovered() {
	[ "$wake" != signal ] && [ -z "${SIGCHLD_PORTABLE-}" ] || return 1
	[ -z "${SIGCHLD_SANITIZE-}" ] || return "$rc"
	printf '6.15\n%s\n' "$(uname -r)" | sort -CV
}

case_thief() {
	domains <<-'END'
		domain one
			device-model sh -c 'exit 7'
			expect exit 7
			restarts 40
		domain two
			device-model sh -c 'kill -9 $$'
			expect signal 9
			restarts 40
	END
	run --plain --thief --domains "$tmp/domains"
	says out '^2 domains: 82 programs started, 82 deaths told'
	says out '^deaths: 0 missing, 0 doubled, 0 foreign$'
	says out '^thefts: [1-9]'
	says out 'health 0x10$'
	if statuses_are_recovered; then
		is 'exit status' $rc 0
		says out '^statuses: 82 known beforehand, 0 wrong, 0 lost'
		says out 'pid [0-9]+, device model: exit 7, stolen and recovered$'
		says out 'pid [0-9]+, device model: signal 9, stolen and recovered$'
		says out '^Every status was .* true, in spite of a thief'
	else
		is 'exit status' $rc 1
		says out '^statuses: [0-9]+ known beforehand, 0 wrong, [1-9]'
		says out 'pid [0-9]+, device model: stolen'
		says out '^Each death was told once; .* none was made up'
	fi
}

# What a program has started ends with it, even if it does not listen.
case_whole_group() {
	mkfifo "$tmp/crashed" "$tmp/stopped"
	domains <<-'END'
		domain crashing
			device-model sh -c 'exec >@TMP@/crashed; trap "" TERM; sleep 1000 & exit 7'
			expect exit 7
		domain stopped
			device-model sh -c 'exec >@TMP@/stopped; echo up; sleep 1000; exit 0'
			expect signal 15
			grace 60000
	END
	begin --plain --domains "$tmp/domains"
	cat "$tmp/crashed" # until nobody has it open any more
	exec 5<"$tmp/stopped"
	read -r up <&5
	echo 'stop stopped' >&4
	cat <&5
	exec 4>&-
	finish
	is 'exit status' $rc 0
	says out '^crashing +failed .* device model: exit 7'
	says out '^stopped +stopped .* device model: signal 15'
}

case_bad_file() {
	long=$(printf '%01001d' 0)
	domains <<-END
		restarts 3
		domain good
			attach touch @TMP@/marker
			device-model touch @TMP@/marker
		domain
			device-model true
		domain good
			device-model true
		domain b/d
			device-model true
		domain nothing
			restarts 2
		domain keys
			expect exit 0
			device-model sh -c 'exit 7
			restarts 10001
			restarts 5
			backoff ten
			grace -1
			colour blue
			attach
			attach true
			expect exit 256
			detach true
			expect signal
			package two words
			stop-after 5 s
			device-model true
			expect error EPERM
		# $long
	END
	wrong=(1 5 7 9 11 14 15 16 17 18 19 20 21 23 25 26 27 28 29 30)
	run --plain --domains "$tmp/domains"
	is 'exit status' $rc 2
	is 'what was printed' "$(cat "$tmp/out")" ''
	[ ! -e "$tmp/marker" ] || fail 'something was started'
	lines=$(sed -n "s|^$tmp/domains:\([0-9]*\): .*|\1|p" "$tmp/err" | sort -n | tr '\n' ' ')
	is 'the list of wrong lines' "$lines" "${wrong[*]} "
	says err "domains:1: 'restarts' stands before the first domain"
	says err 'domains:5: a domain needs a name'
	says err "domains:7: domain 'good' was there on line 2"
	says err "domains:9: bad name 'b/d'"
	says err "domains:11: domain 'nothing' has no device-model"
	says err 'domains:14: expect has no command above it'
	says err 'domains:15: device-model: a quote is not closed'
	says err "domains:16: bad number '10001': restarts is 0 to 10000"
	says err "domains:17: 'restarts' was given already"
	says err "domains:18: bad number 'ten': backoff"
	says err "domains:20: unknown key 'colour'"
	says err 'domains:21: attach: a command is missing'
	says err "domains:23: bad status 'exit 256'"
	says err "domains:29: bad status 'error EPERM'"
	says err "domains:26: package: bad name 'two words'"
	says err 'domains:30: too long: 1004 bytes'
	run --check --domains "$tmp/domains"
	is 'exit status of --check' $rc 2

	if command -v strace >/dev/null &&
	    strace -o /dev/null true 2>/dev/null; then
		strace -f -e trace=execve -o "$tmp/calls" \
			"$toolstack" --plain --domains "$tmp/domains" 2>/dev/null
		is 'the number of execs' "$(grep -c execve "$tmp/calls")" 1
	fi
	for content in '' '# nothing\n' 'domain a\0b\n' 'domain one\n\tdevice-model true\n'; do
		printf %b "$content" >"$tmp/domains"
		run --check --domains "$tmp/domains"
		case $content in
		*true*) is 'exit status of a good file' $rc 0 ;;
		*) is 'exit status of an empty or binary file' $rc 2 ;;
		esac
	done
	run --domains "$tmp"
	is 'exit status of a folder' $rc 2
	run --domains "$tmp/none"
	is 'exit status of no file' $rc 2
	says err 'none: No such file'
}

case_usage() {
	run --help
	is 'exit status of --help' $rc 0
	says out '^usage: toolstack'
	run --check
	is 'exit status of --check' $rc 0
	says out '^12 domains$'
	run --check --domains "$here/qemu.domains"
	is 'exit status of --check' $rc 0
	for bad in --wake=never --seconds=0 --seconds=1x --nonsense extra; do
		run $bad
		is "exit status of $bad" $rc 2
	done
}

case_commands() {
	two_sleepers
	begin --plain --domains "$tmp/domains"
	await "one: pid ([0-9]+), $running"
	await "two: pid ([0-9]+), $running"
	two=${BASH_REMATCH[1]}
	echo 'stop one' >&4
	await 'one: pid [0-9]+, device model: signal 15.*one: stopped'
	echo 'start one' >&4
	await "one: stopped.*one: pid [0-9]+, $running"
	echo 'kill two' >&4
	await "two: pid $two, device model: signal 9.*two: pid [0-9]+, $running"
	printf '%s\n' 'stop nobody' 'jump' 'kill' 'start two' >&4
	await "there is no domain 'nobody'"
	await "'jump'. commands: start NAME"
	await 'two: nothing to start, it is running'
	echo list >&4
	await 'two +running +[0-9]+ +1 +1/3'
	await 'one +running +[0-9]+ +1 +0/0'
	printf quit >&4 # the end of the file ends the line, too
	exec 4>&-
	finish
	is 'exit status' $rc 0
	says out '^2 domains: 4 programs started, 4 deaths told'
	says out '^deaths: 0 missing, 0 doubled, 0 foreign$'
	says out '^statuses: 4 known beforehand, 0 wrong'
}

case_signals() {
	for signal in INT TERM HUP; do
		two_sleepers
		begin --plain --domains "$tmp/domains"
		await "one: pid [0-9]+, $running"
		await "two: pid [0-9]+, $running"
		kill -$signal "$pid"
		finish
		is "exit status after SIG$signal" $rc 0
		says out '^one +stopped +- +1 +0/0  device model: signal 15'
		says out '^two +stopped +- +1 +0/3  device model: signal 15'
		says out 'children left: none'
		rm "$tmp/in" "$tmp/lines"
		seen=
	done
	# The second signal does not wait for the grace.
	domains <<-'END'
		domain deaf
			attach sh -c 'exit 0'
			device-model sh -c 'trap "" TERM; echo >@TMP@/deaf; exec sleep 1000'
			grace 60000
	END
	mkfifo "$tmp/deaf"
	begin --plain --domains "$tmp/domains"
	read -r <"$tmp/deaf"
	kill -INT "$pid"
	await 'stopping all domains'
	kill -INT "$pid"
	finish
	is 'exit status after two signals' $rc 0
	says out '^deaf +stopped +- +2 +0/0  device model: signal 9'
}

case_seconds() {
	two_sleepers
	run --plain --seconds 1 --domains "$tmp/domains"
	is 'exit status' $rc 0
	says out '^ +1\.[0-9]+  stopping all domains'
	says out '^statuses: 2 known beforehand, 0 wrong'
}

# It takes the ten seconds that a helper has.
case_hanging_helper() {
	domains <<-'END'
		domain hanging
			attach sleep 1000
			device-model true
			detach true
			expect exit 0
	END
	run --plain --domains "$tmp/domains"
	is 'exit status' $rc 0
	says out '^hanging +failed +- +2 +0/0  attach helper: signal 15'
}

# The checks of the summary can fail.
case_wrong_status() {
	domains <<-'END'
		domain liar
			device-model sh -c 'exit 4'
			expect exit 3, signal 4, error ENOENT
			restarts 1
		domain other
			device-model sh -c 'kill -15 $$'
			expect exit 0
		domain absent
			device-model toolstack-no-such-program
			expect error EACCES, exit 127
	END
	run --plain --domains "$tmp/domains"
	is 'exit status' $rc 1
	says out '^statuses: 3 known beforehand, 3 wrong'
	says out '^not executable: 1, told by the call, 1 wrong'
	says out '^SOMETHING IS WRONG'
	! grep -q 'Every status' "$tmp/out" || fail 'it praises itself'
}

# Nobody reads what it prints: it stops all domains, and does not die of it.
case_reader_leaves() {
	two_sleepers
	begin --plain --domains "$tmp/domains"
	await "one: pid ([0-9]+), $running"
	one=${BASH_REMATCH[1]}
	await "two: pid ([0-9]+), $running"
	exec 3<&-
	echo list >&4
	wait "$pid"
	is 'exit status' $? 1
	[ ! -e "/proc/$one" ] || fail "pid $one lives on"
}

# Begin it on a pseudo-terminal, with $tmp/keys as the keyboard on descriptor 4.
on_terminal() {
	script -qec true /dev/null </dev/null >/dev/null 2>&1 ||
		skip 'there is no script(1)'
	mkfifo "$tmp/keys" "$tmp/up" "$tmp/down"
	domains <<-'END'
		domain crashing
			device-model sh -c 'exit 7'
			expect exit 7
			restarts 5
		domain one
			attach sh -c 'echo up >@TMP@/up'
			device-model sleep 1000
			expect signal 15
			detach sh -c 'echo down >@TMP@/down'
			grace 20000
	END
	cat >"$tmp/session" <<-END
		stty rows 20 cols 100
		stty -a >$tmp/before
		sh -c 'echo \$\$ >$tmp/pid; exec $toolstack --wake=$wake --domains $tmp/domains'
		echo \$? >$tmp/rc
		stty -a >$tmp/after
	END
	TERM=xterm script -qec "sh $tmp/session" "$tmp/typescript" \
		<"$tmp/keys" >/dev/null &
	terminal=$!
	exec 4>"$tmp/keys"
	read -r up <"$tmp/up"
	is 'the attach helper' "$up" up
}

terminal_is_restored() {
	exec 4>&-
	wait "$terminal"
	is 'exit status' "$(cat "$tmp/rc")" 0
	cmp "$tmp/before" "$tmp/after" || fail 'the terminal is not as it was'
	for seq in '\[?1049h' '\[?1049l' 'DOMAIN' 'Every status'; do
		grep -q -e "$seq" "$tmp/typescript" || fail "no $seq"
	done
}

case_terminal() {
	on_terminal
	printf 'stoq\177p one\r' >&4
	read -r down <"$tmp/down"
	is 'the detach helper' "$down" down
	terminal_is_restored
}

case_terminal_signal() {
	on_terminal
	kill -TERM "$(cat "$tmp/pid")"
	read -r down <"$tmp/down"
	is 'the detach helper' "$down" down
	terminal_is_restored
}

case_qemu() {
	command -v qemu-system-x86_64 >/dev/null ||
		skip 'qemu-system-x86_64 is not installed'
	run --plain --domains "$here/qemu.domains"
	is 'exit status' $rc 0
	says out '^idle +stopped .* device model: exit 0'
	says out '^plugged +stopped .* device model: exit 0'
	says out '^crashing +failed +- +6 +5/5  device model: exit 7'
	says out '^resetting +finished .* device model: exit 0'
}

case_no_qemu() {
	mkdir "$tmp/bin"
	for program in sh true uname; do
		ln -s "$(command -v $program)" "$tmp/bin/$program"
	done
	PATH=$tmp/bin "$toolstack" --plain --domains "$here/qemu.domains" \
		>"$tmp/out" </dev/null
	is 'exit status' $? 1
	for domain in idle plugged crashing resetting; do
		says out "^$domain +failed .* cannot execute qemu-system-x86_64: install qemu-system-x86\$"
	done
}

"case_$2"
