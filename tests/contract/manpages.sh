#!/bin/sh
#
# manpages.sh - the documents say what the headers and the library say
#
#	manpages.sh source-dir cc include-dir library.a [cflag ...]
#
# Each manual page passes mandoc's lint, that of the tool as well; the NAME
# sections have exactly what the headers declare with SIGCHLD_API, and the pages
# speak of each constant; the prototypes are the headers'; each program in a page,
# in README.md or in docs/ compiles without a warning, runs, and ends with 0. Exit
# status 77: all is well, but there was no mandoc.
set -u
export LC_ALL=C

if [ $# -lt 4 ]; then
	echo "usage: manpages.sh source-dir cc include-dir library.a [cflag ...]" >&2
	exit 2
fi
source=$1 cc=$2 include=$3 library=$4
shift 4

bad=0
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM

wrong() {
	echo "$*"
	bad=1
}

pages=$(ls "$source"/docs/man/*.[37]) || exit 2
headers=$(find "$include" -name '*.h') || exit 2

# Lint. A page may name others, so all of them have to be installed to look for
# these; that is left out.
status=0
if command -v mandoc >/dev/null; then
	for page in $pages "$source"/docs/man/*.1; do
		mandoc -T lint -W warning "$page" || wrong "$page: see above"
	done
else
	status=77
fi

# The declarations, a line each, blanks squeezed.
# shellcheck disable=SC2086
awk '
	/^SIGCHLD_API/ { on = 1; text = "" }
	on { text = text " " $0 }
	on && /;/ {
		on = 0
		gsub(/[ \t]+/, " ", text)
		sub(/^ SIGCHLD_API /, "", text)
		print text
	}
' $headers >"$work/declared"
sed 's/(.*//; s/.*[ *]//' "$work/declared" | sort >"$work/symbols"
[ -s "$work/symbols" ] || wrong "$include: no SIGCHLD_API in it"

# What the NAME sections of section 3 have.
for page in $pages; do
	case $page in
	*.3) awk '
		/^\.Sh / { on = $3 == "" && $2 == "NAME" }
		on && /^\.Nm / { print $2 }
	' "$page" ;;
	esac
done | sort >"$work/named"
for name in $(comm -23 "$work/symbols" "$work/named"); do
	wrong "$name: in no NAME section"
done
for name in $(comm -13 "$work/symbols" "$work/named"); do
	wrong "$name: in a NAME section twice, or in no header"
done

# The synopses, in the form of the declarations.
# shellcheck disable=SC2086
awk '
	function unquoted(s) {
		gsub(/"/, "", s)
		return s
	}
	function add(type, s) {
		printf "%s%s%s;\n", type, type ~ /\*$/ ? "" : " ", s
	}
	/^\.Sh / { on = $2 == "SYNOPSIS" }
	!on { next }
	/^\.Ft / { type = unquoted(substr($0, 5)) }
	/^\.Fo / { call = $2 "("; sep = "" }
	/^\.Fa / { call = call sep unquoted(substr($0, 5)); sep = ", " }
	/^\.Fc/ { add(type, call ")") }
	/^\.Fn / {
		call = $2
		sub(/^\.Fn [^ ]+ /, "")
		gsub(/" "/, ", ")
		add(type, call "(" unquoted($0) ")")
	}
' $pages | sort >"$work/synopses"
sort "$work/declared" >"$work/prototypes"
diff "$work/prototypes" "$work/synopses" >"$work/diff" ||
	wrong "headers (<) and SYNOPSIS (>) differ:
$(grep '^[<>]' "$work/diff")"

# Each constant is spoken of.
# shellcheck disable=SC2086
sed -n -e 's/^#define \(SIGCHLD_[A-Z0-9_]*\).*/\1/p' \
    -e 's/^	\(SIGCHLD_[A-Z0-9_]*\).*/\1/p' $headers |
	grep -v -e '_H$' -e '^SIGCHLD_API$' | sort -u >"$work/constants"
while read -r name; do
	# shellcheck disable=SC2086
	grep -q -w "$name" $pages || wrong "$name: in no page"
done <"$work/constants"

# The programs.
for page in $pages; do
	awk -v out="$work/$(basename "$page")" '
		/^\.Bd -literal/ { on = 1; text = ""; next }
		/^\.Ed/ {
			if (on && text ~ /\nmain\(/) {
				file = out "-" ++n ".c"
				printf "%s", text >file
				close(file)
			}
			on = 0
		}
		on {
			gsub(/\\e/, "\\")
			gsub(/\\\(aq/, "\047")
			sub(/^\\&/, "")
			text = text $0 "\n"
		}
	' "$page"
done
for text in "$source"/README.md "$source"/docs/*.md; do
	awk -v out="$work/$(basename "$text")" '
		/^```c$/ { on = 1; text = ""; next }
		/^```/ {
			if (on && text ~ /\nmain\(/) {
				file = out "-" ++n ".c"
				printf "%s", text >file
				close(file)
			}
			on = 0
		}
		on { text = text $0 "\n" }
	' "$text"
done

run() {
	# shellcheck disable=SC2086
	if ! $cc -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic \
	    -Wconversion -Wshadow -Werror "$@" -I"$include" "$program" \
	    "$library" -pthread -o "$program.out"; then
		wrong "$(basename "$program"): does not compile"
		return
	fi
	timeout 20 "$program.out" </dev/null >"$program.log" 2>&1 ||
		wrong "$(basename "$program"): exit status $?:
$(cat "$program.log")"
}

programs=0
for program in "$work"/*.c; do
	[ -e "$program" ] || continue
	run "$@"
	programs=$((programs + 1))
done
for page in $pages; do
	[ -e "$work/$(basename "$page")-1.c" ] || wrong "$page: no program"
done

[ $bad -eq 0 ] || exit 1
echo "$(wc -l <"$work/symbols") symbols, $programs programs"
exit $status
