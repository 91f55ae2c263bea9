#!/bin/sh
# named.sh SOURCE - each requirement has a test that names it
#
# The name of a test begins with what it shows, in small letters: c12_...,
# d4_..., g7_..., m13_..., p17_..., r28_..., s5_.... A script here says in a
# line `# shows: c12 g7' what it shows. The requirements are those of
# docs/requirements.md, each a row of one of its tables. Those of the pool, P
# and S, are shown of a pool, in tests/pool and tests/stress: what a test shows
# of one of its parts alone does not count. Those of the master, M and R, are
# shown in tests/master and tests/worker: the list that it hands on and the
# channel of a worker are what many of them are about. M31 to M34 are of what lies
# below a master, and may be shown in the folders of the core, too.
set -u

source=$1
requirements=$source/docs/requirements.md
missing=0

# named_in KINDS FOLDER... - what the tests there name, a line each
named_in() {
	kinds=$1
	shift
	grep -rhoE 'START_TEST\([a-z]+[0-9]+_|START_TEST\([a-z]+[0-9]+(_[a-z]+[0-9]+)+_' \
		--include='*.c' --include='*.cc' "$@" |
		sed 's/START_TEST(//' | tr '_' '\n' | grep -E "^[$kinds][0-9]+\$"
}

names=$({
	named_in cdg "$source/tests"
	named_in mr "$source/tests/master" "$source/tests/worker"
	named_in m "$source/tests/async" "$source/tests/core" \
		"$source/tests/guarantees" | grep -E '^m3[1-4]$'
	named_in ps "$source/tests/pool" "$source/tests/stress"
	sed -n 's/^# shows: //p' "$source"/tests/contract/*.sh | tr ' ' '\n'
} | sort -u)

wanted=$(sed -n 's/^| \([CDGMPRS][0-9][0-9]*\) |.*/\1/p' "$requirements")
[ -n "$wanted" ] || {
	echo "no requirements in $requirements"
	exit 1
}
for item in $wanted; do
	small=$(printf '%s' "$item" | tr 'CDGMPRS' 'cdgmprs')
	printf '%s\n' "$names" | grep -qx "$small" && continue
	echo "no test names $item"
	missing=$((missing + 1))
done
echo "$(printf '%s\n' "$wanted" | wc -l) requirements, $missing without a test"
[ "$missing" -eq 0 ]
