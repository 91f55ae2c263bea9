#!/bin/bash
# Runs the server as its users do, drives it with wrk, kills its workers, and
# looks at what it says and leaves behind.
#
#	test.sh PREFORK_SERVER CASE [MODE]
#
# Nothing here waits for some time to pass: a case asks the server how it is until
# it is as it should be, and CTest ends it when that never comes. Whom it kills are
# the workers that /status names, while nothing else could end them.
set -u

server=$(realpath "$1")
mode=${3-dispatch}
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
pid='' wrk=''
declare -A got # what wrk says
trap 'leave' EXIT

fail() {
	echo "FAIL: $*" >&2
	[ ! -s "$tmp/status" ] || cat "$tmp/status" >&2
	exit 1
}

is() { # WHAT VALUE WANTED
	[ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
}

is_in() { # WHAT VALUE LEAST MOST
	[ "$2" -ge "$3" ] || fail "$1 is $2, less than $3"
	[ "$2" -le "$4" ] || fail "$1 is $2, more than $4"
}

leave() {
	exec 3<&- 4<&-
	[ -z "$wrk" ] || kill -KILL "$wrk" 2>/dev/null
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
	rm -rf "$tmp"
}

for tool in curl jq wrk; do
	command -v $tool >/dev/null || {
		echo "skipped: $tool is not installed"
		exit 77
	}
done

# The server

# Begin it on any port, and wait until it says where it is.
begin() {
	rm -f "$tmp/out"
	mkfifo "$tmp/out"
	"$server" --mode="$mode" --port=0 "$@" >"$tmp/out" &
	pid=$!
	exec 3<"$tmp/out"
	IFS= read -r -u 3 line || fail 'it ended before it began'
	printf '%s\n' "$line"
	[[ $line =~ $mode\ mode,\ (http://127.0.0.1:[0-9]+)/\ and\ (http://[^ ]+/status)$ ]] ||
		fail "it says '$line'"
	url=${BASH_REMATCH[1]}
	status_url=${BASH_REMATCH[2]}
}

# How it is: the whole in $tmp/status; what jq makes of it on standard output.
look() {
	curl -sS -o "$tmp/status" "$status_url.json" &&
		jq -e . "$tmp/status" >/dev/null
}

value() { # FILTER: of the last look
	jq -r "$1" "$tmp/status"
}

until_it_says() { # FILTER, which gives true when it is so
	until look && [ "$(value "$1")" = true ]; do
		[ -e "/proc/$pid" ] || fail "it ended before $1"
		[ -z "$wrk" ] || [ -e "/proc/$wrk" ] || fail 'wrk has ended'
	done
}

pids() {
	value '.slots[].pid'
}

books_add_up() {
	is 'forked but neither ended nor alive' "$(value '.forks.spawned
		- ([.ends[]] | add) - (.slots | length)')" 0
	is 'submitted but neither completed nor open' "$(value \
		'.requests | .submitted - ([.outcomes[]] | add) - .open')" 0
	is 'workers by state and by slot' "$(value '.workers
		| .starting + .idle + .busy + .stopping')" \
		"$(value '.slots | length')"
}

# Stop it, and see that it ends well and leaves nobody behind.
stop() {
	look || fail 'no status'
	left=$(pids)
	kill -TERM "$pid"
	wait "$pid"
	is 'exit status' $? 0
	pid=''
	for worker in $left; do
		[ ! -e "/proc/$worker" ] || fail "worker $worker lives on"
	done
}

# Load

# Begin wrk, which goes on until it is told to end.
load() { # CONNECTIONS PATH
	wrk -t 2 -c "$1" -d 1h --timeout 20s -s "$here/load.lua" "$url$2" \
		>"$tmp/wrk" &
	wrk=$!
}

end_load() {
	kill -INT "$wrk"
	wait "$wrk"
	wrk=''
	cat "$tmp/wrk"
	# shellcheck disable=SC2013 # words of one line
	for word in $(sed -n 's/^wrk //p' "$tmp/wrk"); do
		got[${word%%=*}]=${word#*=}
	done
}

# Requests that were served, in the one mode and in the other.
served='([.outcomes.done, .served] | max)'

# Until so many more were served, so each connection has got on.
more_served() {
	look || fail 'no status'
	n=$(value ".requests | $served")
	until_it_says ".requests | $served >= $n + $1"
}

no_errors() {
	is 'connect errors' "${got[connect]}" 0
	is 'read errors' "${got[read]}" 0
	is 'write errors' "${got[write]}" 0
	is 'timeouts' "${got[timeout]}" 0
	is 'answers that are neither 200, 502 nor 503' "${got[other]}" 0
}

# Cases of both modes

case_load() {
	begin --workers=4
	load 4 /
	more_served 2000
	books_add_up
	end_load
	no_errors
	is '502s' "${got[lost]}" 0
	[ "${got[ok]}" -ge 2000 ] || fail "only ${got[ok]} were served"
	until_it_says '.requests.open == 0 and .workers.idle == 4'
	books_add_up
	is 'forks' "$(value .forks.spawned)" 4
	is 'lost' "$(value .requests.outcomes.lost)" 0
	# What wrk did not wait for at its end was served, too.
	is_in 'served by the books' "$(value ".requests | $served")" \
		"${got[ok]}" $((got[ok] + 4))
	stop
}

case_keepalive() {
	begin --workers=2
	curl -sS -w '%{num_connects}\n' "$url/" "$url/" "$url/" >"$tmp/three"
	cat "$tmp/three"
	is 'connections of three requests' \
		"$(grep -Ex '[0-9]+' "$tmp/three" | tr -d '\n')" 100
	stop
}

# Kill a worker under load, and wait for the next one; so many times. It naps in
# each request, else few would die in one: what was not begun yet is not lost.
case_kills() {
	kills=20 workers=4 connections=8
	# A worker has one connection; what it had is cut when it dies.
	[ "$mode" = dispatch ] || connections=4
	begin --workers=$workers
	load $connections /nap/2
	more_served 100
	for k in $(seq $kills); do
		more_served 50
		victim=$(value '.slots | (map(select(.state == "busy")) + .)[0].pid')
		kill -KILL "$victim"
		until_it_says ".ends.killed == $k and (.slots | length == $workers
			and all(.pid != $victim and .state != \"starting\"))"
		books_add_up
	done
	more_served 1000
	end_load
	until_it_says '.requests.open == 0'
	books_add_up
	is 'replacements' "$(value .forks.spawned)" $((workers + kills))
	is 'deaths' "$(value '[.ends[]] | add')" $kills
	is 'deaths that are told' "$(value '.last_ends
		| map(select(.reason == "killed" and .status == "signal 9"))
		| length')" 16
	lost=$(value .requests.outcomes.lost)
	echo "$kills killed, $lost lost, $(value .requests.retried) retried," \
		"${got[lost]} answered 502, ${got[read]} connections cut," \
		"${got[ok]} served"
	if [ "$mode" = dispatch ]; then
		no_errors
		is '502s' "${got[lost]}" "$lost"
		is_in 'lost' "$lost" 1 $kills
	else
		cut=${got[read]} got[read]=0
		no_errors
		is '502s' "${got[lost]}" 0
		is_in 'connections cut' "$cut" 1 $kills
	fi
	stop
}

# All workers are replaced under load, and no client notices.
case_roll() {
	begin --workers=4
	load 4 /
	more_served 100
	before=$(pids)
	for generation in 1 2 3; do
		kill -HUP "$pid"
		until_it_says ".state == \"running\" and (.slots | length == 4 and
			all(.generation == $generation))"
		more_served 100
	done
	end_load
	no_errors
	is '502s' "${got[lost]}" 0
	is '503s' "${got[refused]}" 0
	until_it_says '.requests.open == 0'
	books_add_up
	is 'rolled' "$(value .ends.rolled)" 12
	is 'forks' "$(value .forks.spawned)" 16
	for worker in $before; do
		[ ! -e "/proc/$worker" ] || fail "worker $worker lives on"
	done
	stop
}

case_recycle() {
	begin --workers=4 --max-requests=50
	load 4 /
	until_it_says '.ends.max_requests >= 20'
	end_load
	no_errors
	is '502s' "${got[lost]}" 0
	is '503s' "${got[refused]}" 0
	until_it_says '.requests.open == 0 and .workers.idle == 4'
	books_add_up
	is 'other ends' "$(value '([.ends[]] | add) - .ends.max_requests')" 0
	stop
}

# What was begun is finished; a second signal does not wait for it.
case_stop() {
	begin --workers=2
	curl -sS -w '%{http_code}\n' "$url/nap/3000" >"$tmp/nap" &
	curl=$!
	until_it_says '.workers.busy == 1'
	stop
	wait "$curl"
	cat "$tmp/nap"
	is 'the answer' "$(tail -n 1 "$tmp/nap")" 200

	begin --workers=2
	curl -sS -o "$tmp/nap" -w '%{http_code}\n' "$url/nap/600000" \
		>"$tmp/code" 2>&1 &
	curl=$!
	until_it_says '.workers.busy == 1'
	left=$(pids)
	kill -TERM "$pid"
	until curl -sS "$status_url" 2>&1 | grep -q 'onnect'; do
		[ -e "/proc/$pid" ] || fail 'it did not wait'
	done
	kill -INT "$pid"
	wait "$pid"
	is 'exit status' $? 0
	pid=''
	for worker in $left; do
		[ ! -e "/proc/$worker" ] || fail "worker $worker lives on"
	done
	wait "$curl"
	grep -v 200 "$tmp/code" || fail 'a nap of ten minutes was had'
}

case_status() {
	begin --workers=3
	for path in / / /; do
		curl -sS "$url$path" >/dev/null
	done
	look || fail 'no status'
	is 'mode' "$(value .mode)" "$mode"
	is 'state' "$(value .state)" running
	is 'pid' "$(value .pid)" "$pid"
	is 'slots' "$(value '.slots | map(.slot) | tostring')" '[0,1,2]'
	is 'workers' "$(value '.workers | [.min, .max] | tostring')" '[3,3]'
	is 'requests' "$(value ".requests | $served")" 3
	is 'boots' "$(value .latency_us.boot.count)" 3
	for worker in $(pids); do
		is "the parent of $worker" \
			"$(sed -n 's/^PPid:\t//p' "/proc/$worker/status")" "$pid"
	done
	# By the port of the pages, too: listener mode sends on.
	type='%{content_type}\n'
	is 'the type' "$(curl -sSL -o "$tmp/page" -w "$type" "$url/status")" \
		application/json
	jq -e .state "$tmp/page" >/dev/null || fail 'it is no JSON'
	for ask in '-HAccept:text/html /status' '-HAccept:*/* /status.html'; do
		is 'the type' "$(curl -sSL -o "$tmp/page" -w "$type" \
			"${ask% *}" "$url${ask#* }")" 'text/html; charset=utf-8'
		grep -q '<h2>Workers: 3, and 3 to 3 are wanted</h2>' "$tmp/page" ||
			fail 'it is no page'
		is 'boxes' "$(grep -c '<i class=.* title=' "$tmp/page")" 3
	done
	stop
}

# Cases of dispatch mode

gives() { # STATUS ARGUMENT...
	wanted=$1
	shift
	is "the answer to $*" "$(curl -sS -o "$tmp/body" -D "$tmp/head" \
		-w '%{http_code}' "$@")" "$wanted"
	cat "$tmp/body"
}

case_answers() {
	begin --workers=2 --timeout=300
	gives 200 "$url/"
	grep -q '^Worker [01] of generation 0, process [0-9]*, request 1 ' \
		"$tmp/body" || fail 'it does not greet'
	gives 200 -I "$url/"
	gives 200 "$url/nap/10"
	gives 404 "$url/nothing"
	gives 405 -d some=data "$url/"
	grep -q '^Allow: GET, HEAD' "$tmp/head" || fail 'no Allow'
	gives 502 "$url/crash"
	gives 504 "$url/nap/600000"
	until_it_says '.ends.crashed == 1 and .ends.killed_timeout == 1 and
		.workers.idle == 2'
	books_add_up
	is 'outcomes' "$(value '.requests.outcomes | [.done, .lost, .timeout]
		| tostring')" '[4,1,1]'
	is 'slow' "$(value .requests.slow)" 1
	gives 200 "$url/"
	stop
}

# Who is connected when it is stopped gets an answer, and is then left. That wrk
# is refused when it connects again shows in its connect and write errors.
case_leave() {
	begin --workers=4
	load 4 /
	more_served 100
	stop
	end_load
	is 'read errors' "${got[read]}" 0
	is '502s' "${got[lost]}" 0
	is 'other answers' "${got[other]}" 0
	is_in '503s' "${got[refused]}" 0 4
}

# One worker, whom a nap keeps busy until it is killed; then the next one comes.
napping() {
	curl -sS -o "$tmp/nap" -w '%{http_code}' "$url/nap/600000" >"$tmp/code" &
	curl=$!
	until_it_says '.workers.busy == 1'
}

wake_up() {
	kill -KILL "$(pids)"
	wait "$curl"
	is 'the answer to the nap' "$(cat "$tmp/code")" 502
}

case_overload() {
	begin --workers=1 --backlog=1 --ttl=86400000 --timeout=86400000
	napping
	curl -sS -o "$tmp/late" "$url/" &
	late=$!
	until_it_says '.backlog.now == 1'
	gives 503 "$url/"
	grep -q '^Retry-After: 1' "$tmp/head" || fail 'no Retry-After'
	wake_up
	wait "$late"
	cat "$tmp/late"
	grep -q 'request 1 of its life' "$tmp/late" || fail 'it was not served'
	until_it_says '.requests.open == 0'
	books_add_up
	is 'refused' "$(value .requests.refused)" 1
	is 'outcomes' "$(value '.requests.outcomes | [.done, .lost] | tostring')" \
		'[1,1]'
	stop
}

case_expiry() {
	begin --workers=1 --ttl=1 --timeout=86400000
	napping
	gives 503 "$url/"
	grep -q '^Retry-After: 1' "$tmp/head" || fail 'no Retry-After'
	wake_up
	until_it_says '.requests.open == 0'
	books_add_up
	is 'outcomes' "$(value '.requests.outcomes | [.expired, .lost] | tostring')" \
		'[1,1]'
	stop
}

case_usage() {
	"$server" --help | grep -q '^usage: prefork_server' || fail 'no help'
	for bad in --mode=other --port=65536 --port=x --workers=0 \
		--workers=99999 '--workers=4 --max=3' --ttl=0 --nonsense extra; do
		# shellcheck disable=SC2086 # words
		"$server" $bad 2>"$tmp/err" </dev/null
		is "exit status of $bad" $? 2
	done
	begin
	"$server" --port="${url##*:}" 2>"$tmp/err"
	is 'exit status for a port that is taken' $? 1
	cat "$tmp/err"
	stop
}

"case_$2"
