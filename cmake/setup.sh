# setup.sh - what the run scripts share; to be sourced, with $root and $cc set
#
# Find out what is missing, install it with apt-get, configure and build. All of
# it is silent unless something is to be done or goes wrong.
# shellcheck shell=sh disable=SC2154

missing=

die() {
	echo "$0: $*" >&2
	exit 1
}

have() {
	command -v "$1" >/dev/null 2>&1
}

# want PACKAGES COMMAND...: these packages are missing unless COMMAND succeeds
want() {
	packages=$1
	shift
	"$@" >/dev/null 2>&1 </dev/null || missing="$missing $packages"
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq \
		-o Dpkg::Use-Pty=0 "$@" </dev/null >"$apt_log" 2>&1 && return
	cat "$apt_log" >&2
	die "apt-get $1 failed"
}

# Install what want found missing, and forget it.
install_missing() {
	[ -n "$missing" ] || return 0
	have apt-get || die "please install:$missing"
	[ "$(id -u)" -eq 0 ] || have sudo ||
		die "please install, or let sudo do it:$missing"
	echo "installing:$missing" >&2
	apt_log=$(mktemp)
	apt update
	# shellcheck disable=SC2086 # names of packages
	apt install -y --no-install-recommends $missing
	rm -f "$apt_log"
	missing=
}

# optional PACKAGE: a program of that name; fails if it cannot be had
optional() (
	missing=
	want "$1" have "$1"
	install_missing
)

# optional_http: what examples/prefork_server and mworker are built with
optional_http() (
	missing=
	want_http
	install_missing
)

can_compile() {
	echo '#include <stdio.h>' | "$cc" "$@" -fsyntax-only -
}

have_builder() {
	have ninja || have make
}

# What every build needs; the compiler is $cc.
want_build() {
	case $cc in
	*clang*) want "clang libc6-dev" can_compile -x c ;;
	*) want "gcc libc6-dev" can_compile -x c ;;
	esac
	want cmake have cmake
	want ninja-build have_builder
}

# What examples/prefork_server and mworker have their HTTP and JSON from.
want_http() {
	want pkg-config have pkg-config
	want libmicrohttpd-dev pkg-config --exists libmicrohttpd
	want libjansson-dev pkg-config --exists jansson
}

jobs() {
	nproc 2>/dev/null || echo 2
}

# The cache has its name as it was given, or as it was found.
is_of_compiler() {
	was=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$1")
	[ "$was" = "$cc" ] || [ "$was" = "$(command -v "$cc")" ]
}

# configure DIR OPTION...: a directory that was made for another place is of no
# use, nor is one of another compiler, for which CMake forgets the other options;
# one made by another generator keeps it
configure() {
	dir=$1
	shift
	cache=$dir/CMakeCache.txt
	if [ -e "$cache" ] &&
		! { grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache" &&
			is_of_compiler "$cache"; }; then
		rm -rf "$dir"
	fi
	if [ ! -e "$cache" ] && have ninja; then
		set -- -G Ninja "$@"
	fi
	mkdir -p "$dir"
	quietly "$dir/configure.log" cmake -S "$root" -B "$dir" \
		-DCMAKE_C_COMPILER="$cc" "$@"
}

build() {
	quietly "$1/build.log" cmake --build "$1" --parallel "$(jobs)"
}

# quietly LOG COMMAND...: show what it says only if it fails
quietly() {
	log=$1
	shift
	if ! "$@" >"$log" 2>&1 </dev/null; then
		cat "$log" >&2
		die "failed: $*"
	fi
}
