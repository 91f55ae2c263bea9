# peers.sh - php-fpm and Apache, to be started by hand; to be sourced
#
# Debian's packages. What is not installed is fetched with all that it needs and
# unpacked in $peers, and not installed: an installed one would be a service.
# Each gets a configuration of its own in $tmp, and as little as it can do with.
# Needs $peers, $tmp and what cmake/setup.sh has.
# shellcheck shell=sh disable=SC2154

# find_program PATTERN: in the system, or unpacked
find_program() {
	for found in /usr/sbin/$1 "$peers"/usr/sbin/$1; do
		[ -x "$found" ] && echo "$found" && return
	done
	return 1
}

# fetch PACKAGE: it and what it needs and is not installed
fetch() {
	apt_log=$(mktemp)
	echo "fetching $1, without installing it" >&2
	mkdir -p "$peers/debs/partial"
	apt update
	apt install -y --no-install-recommends --download-only \
		-o Dir::Cache::archives="$peers/debs" "$1"
	rm -f "$apt_log"
	for deb in "$peers"/debs/*.deb; do
		dpkg-deb -x "$deb" "$peers"
	done
}

# A peer that cannot be had is left out.
find_peers() {
	php=$(find_program 'php-fpm*[0-9]') || {
		(fetch php-fpm) || true
		php=$(find_program 'php-fpm*[0-9]') || php=
	}
	apache=$(find_program apache2) || {
		(fetch apache2-bin) || true
		apache=$(find_program apache2) || apache=
	}
	libraries=$(echo "$peers"/usr/lib/*-linux-gnu | tr ' ' ':')
	libraries=$libraries:$(echo "$peers"/lib/*-linux-gnu | tr ' ' ':')
	[ -n "$php" ] || echo "no php-fpm here: left out" >&2
	[ -n "$apache" ] || echo "no apache2 here: left out" >&2
}

php_version() {
	env LD_LIBRARY_PATH="$libraries" "$php" -n -v | sed -n '1s/ (.*//p'
}

apache_version() {
	env LD_LIBRARY_PATH="$libraries" "$apache" -v |
		sed -n 's,^Server version: ,,p'
}

# php_config WORKERS
php_config() {
	cat >"$tmp/php-fpm.conf" <<END
[global]
error_log = $tmp/php-fpm.log
daemonize = no
[www]
user = nobody
group = nogroup
listen = $tmp/php-fpm.sock
listen.backlog = 1024
pm = static
pm.max_children = $1
chdir = $tmp/home
END
}

# apache_config WORKERS
apache_config() {
	modules=${apache%/sbin/apache2}/lib/apache2/modules
	cat >"$tmp/apache.conf" <<END
ServerRoot "$tmp"
DefaultRuntimeDir "$tmp"
PidFile "$tmp/apache.pid"
ErrorLog "$tmp/apache.log"
ServerName localhost
Listen 127.0.0.1:$port
User nobody
Group nogroup
Mutex sem
LoadModule mpm_prefork_module "$modules/mod_mpm_prefork.so"
ServerLimit $1
StartServers $1
MaxRequestWorkers $1
MinSpareServers $1
MaxSpareServers $(($1 + 1))
MaxConnectionsPerChild 0
END
}
