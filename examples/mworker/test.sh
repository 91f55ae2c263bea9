#!/bin/bash
# Runs the server as its users do, reloads and upgrades it while wrk drives it,
# and looks at what that has cost.
#
#	test.sh DIRECTORY CASE
#
# In the directory are the releases mworker, mworker_next and mworker_refuses.
# How many reloads there are under load: $MWORKER_RELOADS, or 25.
#
# Nothing here waits for some time to pass: a case reads what the server says,
# or looks until something is so, with a deadline only to fail. But reloads
# under load come no faster than one every 100 ms, as the case wants it.
set -u

releases=$(realpath "$1")
tmp=$(mktemp -d)
server=$tmp/mworker
pid='' wrk='' line=''
trap 'leave' EXIT

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

is() { # WHAT VALUE WANTED
	[ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
}

leave() {
	exec 3<&-
	[ -z "$wrk" ] || kill -KILL "$wrk" 2>/dev/null
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
	rm -rf "$tmp"
}

needs='curl jq'
case $2 in
load | upgrade | refused) needs+=' wrk' ;;
esac
for tool in $needs; do
	command -v "$tool" >/dev/null || {
		echo "skipped: $tool is not installed"
		exit 77
	}
done

until_so() { # COMMAND...
	deadline=$((SECONDS + 60))
	until "$@"; do
		[ -e "/proc/$pid" ] || fail "it ended before $*"
		[ $SECONDS -lt $deadline ] || fail "never: $*"
	done
}

# The server

# Another release, by rename: nobody sees half of it.
install_release() { # mworker...
	cp "$releases/$1" "$tmp/new"
	mv "$tmp/new" "$server"
}

# Read what it says until it says that; nothing else is to be said.
hear() { # LINE
	IFS= read -r -t 60 -u 3 line || fail "it does not say '$1'"
	printf '%s\n' "$line"
	[[ $line =~ ^$1$ ]] || fail "it says '$line', not '$1'"
}

# Begin it on any port, and wait until it serves.
begin() {
	install_release mworker
	rm -f "$tmp/out"
	mkfifo "$tmp/out"
	"$server" --port=0 "$@" >"$tmp/out" &
	pid=$!
	exec 3<"$tmp/out"
	hear 'mworker: version 1, (http://127.0.0.1:([0-9]+)), master [0-9]+'
	url=${BASH_REMATCH[1]}
	port=${BASH_REMATCH[2]}
	while [[ $line != *-TERM* ]]; do
		hear '  (curl|kill|cp) .*'
	done
	hear 'ready: version 1'
}

children() {
	cat "/proc/$pid/task/$pid/children"
}

has_children() { # NUMBER
	# shellcheck disable=SC2046 # words
	set -- "$1" $(children)
	[ $# -eq $(($1 + 1)) ]
}

# All that are there are of the program that is: who went before has gone.
reload() { # WORKERS VERSION
	kill -USR2 "$pid"
	hear "reloaded: version $2"
	until_so has_children "$1"
	gives 200 "$url/"
	grep -q "^version $2 " "$tmp/body" || fail "not version $2"
}

# End it by that signal, and see how. Those who did not finish are told of.
end() { # SIGNAL
	left=$(children)
	kill "-$1" "$pid"
	hear stopping
	while IFS= read -r -t 60 -u 3 line; do
		printf '%s\n' "$line"
		[[ $1 = TERM && $line = *': status 143' ]] ||
			fail "it says '$line'"
	done
	wait "$pid"
	is 'exit status' $? 0
	pid=''
	for worker in $left; do
		[ ! -e "/proc/$worker" ] || fail "worker $worker lives on"
	done
}

# Clients

gives() { # STATUS ARGUMENT...
	wanted=$1
	shift
	is "the answer to $*" "$(curl -sS -o "$tmp/body" -D "$tmp/head" \
		-w '%{http_code}' "$@")" "$wanted"
}

# Ask on a connection that stays open: the head in $tmp/head, the rest in $body.
ask() { # DESCRIPTOR PATH
	printf 'GET %s HTTP/1.1\r\nHost: x\r\n\r\n' "$2" >&"$1"
	answer "$1"
}

answer() { # DESCRIPTOR
	: >"$tmp/head"
	length=''
	while IFS= read -r -t 60 -u "$1" line && [ "$line" != $'\r' ]; do
		printf '%s\n' "${line%$'\r'}" >>"$tmp/head"
		[[ $line != Content-Length:* ]] || length=${line//[^0-9]/}
	done
	[ -n "$length" ] || fail "no answer"
	IFS= read -r -t 60 -N "$length" -u "$1" body || fail 'it is cut'
}

ends_now() { # DESCRIPTOR
	IFS= read -r -t 60 -N 1 -u "$1" line
	[ $? -le 128 ] || fail 'it is not closed'
	is 'what comes after the answer' "$line" ''
}

says_close() {
	grep -qix 'Connection: close' "$tmp/head"
}

# Load

load() { # CONNECTIONS PATH
	wrk -t 2 -c "$1" -d 1h --timeout 10s "$url$2" >"$tmp/wrk" &
	wrk=$!
	until_so is_asked
}

is_asked() {
	curl -sS -o "$tmp/status" "$url/status" &&
		[ "$(jq '.requests' "$tmp/status")" -gt 100 ]
}

end_load() {
	[ -e "/proc/$wrk" ] || fail 'wrk has ended'
	kill -INT "$wrk"
	wait "$wrk"
	wrk=''
	cat "$tmp/wrk"
	requests=$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' "$tmp/wrk")
	[ "${requests:-0}" -gt 100 ] || fail 'there was no load'
	! grep -E 'Socket errors|Non-2xx' "$tmp/wrk" || fail 'requests failed'
}

# What it has

# Descriptors of the master and its workers, by kind; connections come and go.
descriptors() {
	for p in "$pid" $(children); do
		for fd in /proc/"$p"/fd/*; do
			kind=$(readlink "$fd") && echo "${kind%%[0-9]*}"
		done | sort | uniq -c
	done
}

are_as_before() {
	[ "$(descriptors)" = "$before" ]
}

memory() { # PID: KiB that are its own
	sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status"
}

memory_of_workers() {
	sum=0
	for p in $(children); do
		sum=$((sum + $(memory "$p")))
	done
	echo $sum
}

# Under load

# Until it is time for the next; what is said meanwhile is too much.
rest_of() { # MICROSECOND
	left=$(($1 - ${EPOCHREALTIME/[.,]/}))
	[ $left -gt 0 ] || return
	! IFS= read -r -t "$(printf '0.%06d' $left)" -u 3 line ||
		fail "it says '$line'"
}

reloads() { # NUMBER: in $late those that took more than their 100 ms
	late=0
	next=${EPOCHREALTIME/[.,]/}
	for _ in $(seq "$1"); do
		next=$((next + 100000))
		kill -USR2 "$pid"
		hear 'reloaded: version 1' >/dev/null
		if [ "${EPOCHREALTIME/[.,]/}" -gt $next ]; then
			late=$((late + 1))
			next=${EPOCHREALTIME/[.,]/}
		fi
		rest_of "$next"
	done
}

case_load() {
	n=${MWORKER_RELOADS:-25} slack=1024
	begin --workers=2
	before=$(descriptors)
	load 16 /
	reloads 5
	until_so has_children 2
	master=$(memory "$pid") workers=$(memory_of_workers)
	reloads "$n"
	until_so has_children 2
	master_end=$(memory "$pid") workers_end=$(memory_of_workers)
	until_so is_asked
	is 'generation' "$(jq .generation "$tmp/status")" $((n + 6))
	end_load
	echo "$n reloads, $late later than 100 ms; $requests requests, 0 failed;" \
		"master $master to $master_end KiB," \
		"workers $workers to $workers_end KiB"
	[ "$master_end" -le $((master + slack)) ] || fail 'the master grew'
	[ "$workers_end" -le $((workers + 2 * slack)) ] || fail 'workers grew'
	until_so are_as_before
	printf '%s\n' "$before"
	end USR1
}

# There, and back again.
case_upgrade() {
	begin --workers=2
	load 8 /
	for _ in 1 2 3; do
		install_release mworker_next
		reload 2 2
		install_release mworker
		reload 2 1
	done
	end_load
	end USR1
}

serves_on() {
	is 'the workers' "$(children)" "$before"
	for _ in $(seq 20); do
		gives 200 "$url/"
		grep -q '^version 1 generation 1 ' "$tmp/body" ||
			fail "$(cat "$tmp/body")"
	done
}

# Reloads that fail: the release that serves goes on, and the next reload works.
case_refused() {
	begin --workers=2
	before=$(children)
	load 8 /

	rm "$server"
	kill -USR2 "$pid"
	hear 'reload failed: status 0, No such file or directory'
	serves_on

	install_release mworker_refuses
	kill -USR2 "$pid"
	hear 'refused: this configuration'
	serves_on
	kill -USR2 "$pid"
	hear 'refused: this configuration'
	serves_on

	install_release mworker_next
	reload 2 2
	end_load
	end USR1
}

# A copy that was cut, or is of another machine, is no program; nor is it given
# to a shell to see whether it is a script.
case_cut() {
	begin --workers=2
	before=$(children)
	for text in '' 'this is no program'; do
		printf '%s' "$text" >"$tmp/new"
		chmod +x "$tmp/new"
		mv "$tmp/new" "$server"
		kill -USR2 "$pid"
		hear 'reload failed: status 0, Exec format error'
		serves_on
	done
	install_release mworker_next
	reload 2 2
	end USR1
}

# Without load

# What a client had begun when its worker was told to finish.
case_drain() {
	n=1000000
	begin --workers=1
	exec 5<>"/dev/tcp/127.0.0.1/$port" 6<>"/dev/tcp/127.0.0.1/$port" \
		7<>"/dev/tcp/127.0.0.1/$port"
	ask 5 /
	grep -qx 'Keep-Alive: timeout=5' "$tmp/head" || fail 'it would not stay'
	printf 'GET / HTTP/1.1\r\nHos' >&6
	printf 'GET /lines/%u HTTP/1.1\r\nHost: x\r\n\r\n' $n >&7
	IFS= read -r -t 60 -u 7 line
	is 'the first line' "$line" $'HTTP/1.1 200 OK\r'

	kill -USR2 "$pid"
	hear 'reloaded: version 1'
	until ask 5 /status && says_close; do
		is 'state' "$(jq -r .state <<<"$body")" serves
	done
	is 'state' "$(jq -r .state <<<"$body")" finishes
	ends_now 5
	gives 200 "$url/"
	grep -q 'generation 2' "$tmp/body" || fail 'who told to go accepts'

	printf 't: x\r\n\r\n' >&6
	answer 6
	says_close || fail 'it would stay'
	[[ $body == *'generation 1 '* ]] || fail "$body"
	ends_now 6

	while IFS= read -r -t 60 -u 7 line && [ "$line" != $'\r' ]; do
		:
	done
	timeout 60 head -c $((n * 16)) <&7 >"$tmp/body"
	is 'lines' "$(wc -l <"$tmp/body")" $n
	is 'the last line' "$(tail -n 1 "$tmp/body")" \
		"$(printf '%15u' $((n - 1)))"
	exec 7>&-
	until_so has_children 1
	end USR1
}

# Who stays silent is left, after what was announced to him.
case_idle() {
	begin --workers=1 --idle=1
	exec 5<>"/dev/tcp/127.0.0.1/$port"
	ask 5 /
	grep -qx 'Keep-Alive: timeout=1' "$tmp/head" || fail 'it is not announced'
	kill -USR2 "$pid"
	hear 'reloaded: version 1'
	ends_now 5
	until_so has_children 1
	end USR1
}

case_stop() {
	begin --workers=2
	exec 5<>"/dev/tcp/127.0.0.1/$port"
	printf 'GET / HTTP/1.1\r\nHos' >&5
	until_so is_accepted
	kill -USR1 "$pid"
	hear stopping
	until_so has_children 1
	printf 't: x\r\n\r\n' >&5
	answer 5
	says_close || fail 'it would stay'
	wait "$pid"
	is 'exit status' $? 0
	pid=''
	! curl -sS "$url/" || fail 'it serves on'

	begin --workers=2
	end TERM
}

# By one of both: it is the one whose status says so.
is_accepted() {
	curl -sS -o "$tmp/status" "$url/status" &&
		[ "$(jq '.connections' "$tmp/status")" -eq 2 ]
}

case_answers() {
	begin --workers=3
	gives 200 "$url/"
	grep -qx 'version 1 generation 1 pid [0-9]*' "$tmp/body" ||
		fail 'it does not greet'
	gives 200 -I "$url/"
	gives 404 "$url/nothing"
	gives 404 "$url/lines/x"
	gives 200 "$url/lines/3"
	is 'lines' "$(tr -d ' \n' <"$tmp/body")" 012
	gives 405 -d some=data "$url/"
	grep -q '^Allow: GET, HEAD' "$tmp/head" || fail 'no Allow'
	gives 200 "$url/status"
	grep -qi '^Content-Type: application/json' "$tmp/head" || fail 'no JSON'
	is 'what it knows' "$(jq -r 'keys | join(" ")' "$tmp/body")" \
		'connections generation pid requests slot state up_ms version'
	worker=$(jq .pid "$tmp/body")
	is "the parent of $worker" \
		"$(sed -n 's/^PPid:\t//p' "/proc/$worker/status")" "$pid"
	kill -TTIN "$pid"
	until_so has_children 4
	kill -TTOU "$pid"
	until_so has_children 3
	kill -KILL "$worker"
	hear "worker [012] of generation 1, process $worker: status 137"
	until_so has_children 3
	end USR1
}

case_usage() {
	install_release mworker
	"$server" --help | grep -q '^usage: mworker' || fail 'no help'
	for bad in --port=65536 --port=x --workers=0 --workers=99999 --idle=0 \
		--nonsense extra; do
		"$server" $bad 2>"$tmp/err" </dev/null
		is "exit status of $bad" $? 2
	done
	begin
	"$server" --port="$port" 2>"$tmp/err"
	is 'exit status for a port that is taken' $? 1
	cat "$tmp/err"
	end USR1
}

"case_$2"
