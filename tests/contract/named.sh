#!/bin/sh
# named.sh SOURCE - each requirement has a test that names it
#
# The name of a test begins with what it shows, in small letters: c12_..., d4_...,
# g7_.... A script here says in a line `# shows: c12 g7' what it shows. The
# requirements are those of docs/requirements.md, each a row of one of its tables.
set -u

source=$1
requirements=$source/docs/requirements.md
missing=0

names=$({
	grep -rhoE 'START_TEST\([a-z]+[0-9]+_|START_TEST\([a-z]+[0-9]+(_[a-z]+[0-9]+)+_' \
		--include='*.c' --include='*.cc' "$source/tests" |
		sed 's/START_TEST(//' | tr '_' '\n'
	sed -n 's/^# shows: //p' "$source"/tests/contract/*.sh | tr ' ' '\n'
} | grep -E '^[cdg][0-9]+$' | sort -u)

wanted=$(sed -n 's/^| \([CDG][0-9][0-9]*\) |.*/\1/p' "$requirements")
[ -n "$wanted" ] || {
	echo "no requirements in $requirements"
	exit 1
}
for item in $wanted; do
	small=$(printf '%s' "$item" | tr 'CDG' 'cdg')
	printf '%s\n' "$names" | grep -qx "$small" && continue
	echo "no test names $item"
	missing=$((missing + 1))
done
echo "$(printf '%s\n' "$wanted" | wc -l) requirements, $missing without a test"
[ "$missing" -eq 0 ]
