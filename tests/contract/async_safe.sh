#!/bin/sh
# async_safe.sh NM ALLOW OBJECT... - what async/ needs from outside itself
#
# Every undefined symbol of these objects must be defined by another of them, or
# be on the list, for all objects or for this one. The folder is the set; nobody
# keeps a list of files. Symbols of sanitizers and of coverage are left aside:
# they are absent from what ships.
set -eu

nm=$1 allow=$2
shift 2
[ $# -gt 0 ] || { echo "FAIL  async_safe: no objects"; exit 1; }

for object in "$@"; do
	name=$(basename "$object")
	name=${name%%.*}
	"$nm" -P -g --defined-only "$object" | sed "s/^/D $name /"
	"$nm" -P -u "$object" | sed "s/^/U $name /"
done | awk -v allow="$allow" '
	BEGIN {
		FS = "[ \t]*:[ \t]*"
		while ((getline line < allow) > 0) {
			n_lines++
			if (line ~ /^[ \t]*(#|$)/)
				continue
			if (split(line, part) < 3 || part[3] == "") {
				printf "FAIL  %s:%d: no reason given\n",
				    allow, n_lines
				bad = 1
			}
			n = split(part[2], names, " ")
			for (i = 1; i <= n; i++)
				may[part[1], names[i]] = 1
			known[part[1]] = 1
		}
		if (n_lines == 0)
			bad = 1
		FS = " "
	}
	{ sub(/@.*/, "", $3) }
	$1 == "D" { defined[$3] = 1; objects[$2] = 1; next }
	$3 ~ /^(__asan_|__tsan_|__ubsan_|__sanitizer_|__lsan_|__odr_)/ { next }
	$3 ~ /^(__gcov_|__llvm_|llvm_gc)/ { next }
	{ needs[$2, $3] = 1; objects[$2] = 1 }
	END {
		for (need in needs) {
			split(need, part, SUBSEP)
			if (part[2] in defined)
				continue
			if ((part[2], "*") in may || (part[2], part[1]) in may)
				continue
			why = "not known to be async-signal-safe"
			if (part[2] in known)
				why = "allowed to others only"
			printf "FAIL  %s calls %s: %s\n", part[1], part[2], why
			bad = 1
		}
		if (bad)
			exit 1
		for (object in objects)
			printf "ok    %s is async-signal-safe\n", object
	}'
