#!/bin/sh
# layers.sh CC SOURCE FLOOR:DIR,DIR... ... - a floor sees only what lies below
#
# The floors come lowest first, each with the include directories that it is
# compiled with. Every header of every floor is tried from every floor: upwards
# it must not be found, downwards it must compile. And since a path with dots
# would climb around the directories, no source may contain one.
set -eu

cc=$1 source=$2
shift 2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0
tried=0

# compiles FLOOR DIRS TARGET: a unit of FLOOR that includes each header of TARGET
compiles() (
	IFS=,
	set -f
	# shellcheck disable=SC2086 # split at the commas
	set -- "$3" $2
	target=$1
	shift
	for dir in "$@"; do
		printf '%s\n' "-I$dir"
	done >"$scratch/args"
	set +f
	for header in "$source/$target"/*.h; do
		header=${header##*/}
		printf '#include "%s/%s"\n' "$target" "$header" >"$scratch/unit.c"
		if "$cc" -std=c11 -D_GNU_SOURCE "@$scratch/args" -fsyntax-only \
			"$scratch/unit.c" 2>"$scratch/errors"; then
			echo "yes $target/$header"
		elif grep -qE "No such file|file not found" "$scratch/errors"; then
			echo "absent $target/$header"
		else
			echo "broken $target/$header"
		fi
	done
)

for from in "$@"; do
	floor=${from%%:*}
	wanted=yes
	for to in "$@"; do
		target=${to%%:*}
		compiles "$floor" "${from#*:}" "$target" >"$scratch/found"
		good=yes
		while read -r found header; do
			tried=$((tried + 1))
			[ "$found" = "$wanted" ] && continue
			echo "FAIL  $header from $floor: $found, not $wanted"
			good=no
			status=1
		done <"$scratch/found"
		case $good$wanted in
		yesyes) echo "ok    $floor may include $target/" ;;
		yesabsent) echo "ok    $floor cannot include $target/" ;;
		esac
		[ "$floor" != "$target" ] || wanted=absent
	done
done
if [ "$tried" -eq 0 ]; then
	echo "FAIL  no header was tried"
	status=1
fi

if grep -rnE '^[ 	]*#[ 	]*include[ 	]*["<][^">]*\.\.' "$source"; then
	echo "FAIL  these includes climb"
	status=1
else
	echo "ok    no include climbs"
fi

exit "$status"
