# tables.awk - what the results of a run say, as tables
#
#	awk -v mode=MODE [-v works="W1-100 W1-1000"] -f tables.awk RESULTS
#
# mode	cells	a figure for each workload: median (least - greatest)
#	lives	the same, of the CPU time of parent and program
#	ratios	to raw pidfd / to the best peer: medians of each round's ratio
#	trickle	all that is known of one workload
#	calls	which system calls a death costs
#	aims	what was aimed at, and what was reached
#	lines	for gnuplot: a block for each mechanism
#	bars	for gnuplot: a line for each mechanism
#	styles	for gnuplot: the colours of the blocks
#	range	for gnuplot: of all of these figures
#	void	how many runs were void
#
# The figure is cpu_us, or for W5 the rate; `void' and `na' have none.

BEGIN {
	n_mechs = split("sigchld-auto sigchld-signal sigchld-pidfd " \
	    "raw-pidfd raw-pidfd-peek raw-waitpid libuv libev glib " \
	    "sd-event sd-event-nopidfd walk", mechs)
	title["sigchld-auto"] = "libsigchld"
	title["sigchld-signal"] = "libsigchld, signal"
	title["sigchld-pidfd"] = "libsigchld, pidfd"
	title["raw-pidfd"] = "raw pidfd"
	title["raw-pidfd-peek"] = "raw pidfd, zombie kept"
	title["raw-waitpid"] = "raw waitpid(-1)"
	title["libuv"] = "libuv"
	title["libev"] = "libev"
	title["glib"] = "GLib"
	title["sd-event"] = "sd-event"
	title["sd-event-nopidfd"] = "sd-event, no pidfd"
	title["walk"] = "walk as libxl's"
	n_peers = split("libuv libev glib sd-event " \
	    "sd-event-nopidfd walk", peers)
}

{
	round = $1; work = $2; mech = $3
	met_work[work] = 1
	family = work
	sub(/-.*/, "", family)
	met_family[family] = 1
	if ($4 == "void")
		n_void++
	if ($4 != "ok")
		next
	for (i = 5; i <= NF; i++) {
		at = index($i, "=")
		value[work, mech, substr($i, 1, at - 1), round] = \
		    substr($i, at + 1)
	}
	if (round != "count") {
		value[work, mech, "rate", round] = \
		    1e6 / value[work, mech, "wall_us", round]
		if (round + 0 > n_rounds)
			n_rounds = round + 0
	}
}

function key(work) {
	return work ~ /^W5/ ? "rate" : "cpu_us"
}

# The list kept[1..n_kept], sorted.
function begin_list() {
	n_kept = 0
}
function keep(x,    i) {
	for (i = n_kept++; i > 0 && kept[i] > x; i--)
		kept[i + 1] = kept[i]
	kept[i + 1] = x
}
function middle() {
	return n_kept % 2 ? kept[(n_kept + 1) / 2] : \
	    (kept[n_kept / 2] + kept[n_kept / 2 + 1]) / 2
}

function list(work, mech, k,    r) {
	begin_list()
	for (r = 1; r <= n_rounds; r++)
		if ((work, mech, k, r) in value)
			keep(value[work, mech, k, r] + 0)
	return n_kept
}

# Each round's ratio of what one mechanism needs to what another does.
function list_ratios(work, mech, other_work, other,    r, a, b) {
	begin_list()
	for (r = 1; r <= n_rounds; r++) {
		if (!((work, mech, key(work), r) in value) ||
		    !((other_work, other, key(other_work), r) in value))
			continue
		a = value[work, mech, key(work), r]
		b = value[other_work, other, key(other_work), r]
		if (b > 0)
			keep(a / b)
	}
	return n_kept
}

function short(x) {
	return x >= 100 ? sprintf("%d", x + 0.5) : x >= 10 ? \
	    sprintf("%.1f", x) : sprintf("%.2f", x)
}

function cell(work, mech, k) {
	if (!list(work, mech, k))
		return "–"
	if (n_kept == 1)
		return short(kept[1])
	return short(middle()) " (" short(kept[1]) "–" short(kept[n_kept]) ")"
}

function median_of(work, mech, k) {
	return list(work, mech, k) ? middle() : ""
}

# Which peer does best there?
function best_peer(work,    i, m, best, value_of_best) {
	best = ""
	for (i = 1; i <= n_peers; i++) {
		m = median_of(work, peers[i], key(work))
		if (m == "")
			continue
		if (best == "" || (key(work) == "rate" ? m > value_of_best : \
		    m < value_of_best)) {
			best = peers[i]
			value_of_best = m
		}
	}
	return best
}

function ratio(work, mech, other) {
	return other != "" && list_ratios(work, mech, work, other) ? \
	    short(middle()) : "–"
}

function present(mech,    i) {
	for (i = 1; i <= n_works; i++)
		if (list(wanted[i], mech, key(wanted[i])))
			return 1
	return 0
}

function head(    i) {
	printf "| |"
	for (i = 1; i <= n_works; i++)
		printf " %s |", wanted[i]
	printf "\n| --- |"
	for (i = 1; i <= n_works; i++)
		printf " ---: |"
	printf "\n"
}

function cells(k,    i, j) {
	head()
	for (i = 1; i <= n_mechs; i++) {
		if (!present(mechs[i]))
			continue
		printf "| %s |", title[mechs[i]]
		for (j = 1; j <= n_works; j++)
			printf " %s |", cell(wanted[j], mechs[i], \
			    k == "" ? key(wanted[j]) : k)
		printf "\n"
	}
}

function ratios(    i, j) {
	head()
	printf "| *the best peer is* |"
	for (j = 1; j <= n_works; j++)
		printf " *%s* |", title[best_peer(wanted[j])]
	printf "\n"
	for (i = 1; i <= n_mechs; i++) {
		if (!present(mechs[i]))
			continue
		printf "| %s |", title[mechs[i]]
		for (j = 1; j <= n_works; j++)
			printf " %s / %s |", \
			    ratio(wanted[j], mechs[i], "raw-pidfd"), \
			    ratio(wanted[j], mechs[i], best_peer(wanted[j]))
		printf "\n"
	}
}

function counted(work, mech, k) {
	return (work, mech, k, "count") in value ? \
	    value[work, mech, k, "count"] : ""
}

function trickle(work,    i, m, calls) {
	print "| | CPU, µs | to raw pidfd | to " title[best_peer(work)] \
	    ", the best peer | wake-ups | system calls | latency, µs |"
	print "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
	for (i = 1; i <= n_mechs; i++) {
		m = mechs[i]
		if (!list(work, m, "cpu_us"))
			continue
		calls = counted(work, m, "calls")
		print "| " title[m] " | " cell(work, m, "cpu_us") " | " \
		    ratio(work, m, "raw-pidfd") " | " \
		    ratio(work, m, best_peer(work)) " | " \
		    sprintf("%.2f", median_of(work, m, "wakes")) " | " \
		    (calls == "" ? "–" : sprintf("%.2f", calls)) " | " \
		    cell(work, m, "latency_us") " |"
	}
}

function calls(work,    i, text) {
	print "| | system calls | which |"
	print "| --- | ---: | --- |"
	for (i = 1; i <= n_mechs; i++) {
		text = counted(work, mechs[i], "detail")
		if (text == "")
			continue
		gsub(/:/, " ", text)
		gsub(/,/, ", ", text)
		print "| " title[mechs[i]] " | " \
		    sprintf("%.2f", counted(work, mechs[i], "calls")) " | " \
		    text " |"
	}
}

# Aims

# Of a workload that was left out nothing is said.
function verdict(name, want, limit, at_least,    work, got) {
	work = name
	sub(/[:,].*/, "", work)
	if (!(work in met_family))
		return
	if (!n_kept) {
		print "| " name " | " want " | – | not measured |"
		return
	}
	got = middle()
	printf "| %s | %s | %s", name, want, short(got)
	if (n_kept > 1)
		printf " (%s–%s)", short(kept[1]), short(kept[n_kept])
	if (at_least ? got >= limit : got <= limit)
		printf " | reached"
	else
		printf " | **missed** by %.1f %%", at_least ? \
		    100 * (1 - got / limit) : 100 * (got / limit - 1)
	printf " |\n"
}

function at_most(name, work, other_work, other, limit) {
	list_ratios(work, "sigchld-auto", other_work, other)
	verdict(name, "at most " limit, limit, 0)
}

function at_least(name, work, other, limit) {
	list_ratios(work, "sigchld-auto", work, other)
	verdict(name, "at least " limit, limit, 1)
}

function less_than(name, work, other) {
	list_ratios(work, "sigchld-auto", work, other)
	verdict(name, "below 1", 0.99999, 0)
}

# The greatest of the medians by the least of them.
function spread(k, works,    i, n, names, x, most, least) {
	n = split(works, names)
	most = least = ""
	for (i = 1; i <= n; i++) {
		x = median_of(names[i], "sigchld-auto", k)
		if (x == "")
			break
		if (most == "" || x > most)
			most = x
		if (least == "" || x < least)
			least = x
	}
	begin_list()
	if (i > n)
		keep(most / least)
}

function one_count(work, k) {
	begin_list()
	if (counted(work, "sigchld-auto", k) != "")
		keep(counted(work, "sigchld-auto", k) + 0)
}

function aims() {
	print "| | aim | measured | |"
	print "| --- | ---: | ---: | --- |"
	spread("cpu_us", "W1-100 W1-1000 W1-4000")
	verdict("W1: most by least median, M = 100 to 4000", "at most 1.25", 1.25, 0)
	at_most("W1, M = 4000: to raw pidfd", "W1-4000", "W1-4000", \
	    "raw-pidfd", 1.1)
	at_most("W1, M = 1000: to raw pidfd", "W1-1000", "W1-1000", \
	    "raw-pidfd", 1.1)
	at_most("W1, M = 4000: to sd-event", "W1-4000", "W1-4000", \
	    "sd-event", 0.85)
	less_than("W1, M = 4000: to GLib", "W1-4000", "glib")
	less_than("W1, M = 4000: to libuv", "W1-4000", "libuv")
	at_most("W2, N = 64: to raw pidfd", "W2-64", "W2-64", "raw-pidfd", 1.1)
	at_most("W2, N = 64: the same, zombie kept", "W2-64", "W2-64", \
	    "raw-pidfd-peek", 1.1)
	at_most("W2, N = 64: to sd-event", "W2-64", "W2-64", "sd-event", 0.85)
	less_than("W2, N = 64: to GLib", "W2-64", "glib")
	less_than("W2, N = 64: to libuv", "W2-64", "libuv")
	less_than("W2d, N = 64: to raw pidfd", "W2d-64", "raw-pidfd")
	at_most("W2d, N = 64: to raw waitpid, which has one loop", "W2d-64", \
	    "W2d-1", "raw-waitpid", 1.5)
	less_than("W2d, N = 64: to GLib", "W2d-64", "glib")
	less_than("W2d, N = 64: to libuv", "W2d-64", "libuv")
	list("W3-64", "sigchld-auto", "wakes")
	verdict("W3, N = 64: wake-ups per death", "1.00", 1.004, 0)
	one_count("W3-64", "calls")
	verdict("W3, N = 64: system calls per death", "at most 4", 4.004, 0)
	at_most("W3, N = 64: to raw pidfd", "W3-64", "W3-64", "raw-pidfd", 1.1)
	at_most("W3, N = 64: the same, zombie kept", "W3-64", "W3-64", \
	    "raw-pidfd-peek", 1.1)
	at_most("W3, N = 64: to sd-event", "W3-64", "W3-64", "sd-event", 1)
	at_most("W3, N = 64: to libuv", "W3-64", "W3-64", "libuv", 0.1)
	less_than("W3, N = 64: to GLib", "W3-64", "glib")
	at_most("W4: to raw pidfd", "W4", "W4", "raw-pidfd", 1.1)
	at_most("W4: the same, zombie kept", "W4", "W4", "raw-pidfd-peek", 1.1)
	at_most("W4: to raw waitpid", "W4", "W4", "raw-waitpid", 0.0625)
	at_most("W4: to sd-event", "W4", "W4", "sd-event", 0.95)
	at_most("W4: to libuv", "W4", "W4", "libuv", 0.0167)
	less_than("W4: to GLib", "W4", "glib")
	at_least("W5: rate, to raw pidfd and posix_spawn", "W5", "raw-pidfd", \
	    1.05)
	at_least("W5, 4000 descriptors: the same", "W5-fds", "raw-pidfd", 2.5)
	at_least("W5: rate, to uv_spawn", "W5", "libuv", 2.5)
	at_least("W5, 256 MiB: rate, to uv_spawn", "W5-heap", "libuv", 40)
	spread("rate", "W5 W5-fds W5-big")
	verdict("W5: most by least median, to 1 GiB and 4000 descriptors", \
	    "at most 1.1", 1.1, 0)
}

# For gnuplot

function after(work,    at) {
	at = index(work, "-")
	return at ? substr(work, at + 1) : work
}

function lines(    i, j) {
	for (i = 1; i <= n_mechs; i++) {
		if (!present(mechs[i]))
			continue
		printf "\"%s\"\n", title[mechs[i]]
		for (j = 1; j <= n_works; j++)
			if (list(wanted[j], mechs[i], key(wanted[j])))
				print after(wanted[j]), middle(), kept[1], \
				    kept[n_kept]
		printf "\n\n"
	}
}

function bars(    i, j) {
	for (i = 1; i <= n_mechs; i++) {
		if (!present(mechs[i]))
			continue
		printf "\"%s\"", title[mechs[i]]
		for (j = 1; j <= n_works; j++)
			if (list(wanted[j], mechs[i], key(wanted[j])))
				printf " %s %s %s", middle(), kept[1], \
				    kept[n_kept]
			else
				printf " ? ? ?"
		printf "\n"
	}
}

function styles(    i) {
	for (i = 1; i <= n_mechs; i++)
		if (present(mechs[i]))
			printf "%d ", i
	printf "\n"
}

function range(    i, j, low, high) {
	low = high = ""
	for (i = 1; i <= n_mechs; i++)
		for (j = 1; j <= n_works; j++) {
			if (!list(wanted[j], mechs[i], key(wanted[j])))
				continue
			if (low == "" || kept[1] < low)
				low = kept[1]
			if (high == "" || kept[n_kept] > high)
				high = kept[n_kept]
		}
	print low, high
}

END {
	n_works = 0
	n_given = split(works, given)
	for (i = 1; i <= n_given; i++)
		if (given[i] in met_work)
			wanted[++n_works] = given[i]
	if (mode == "cells")
		cells("")
	else if (mode == "lives")
		cells("life_us")
	else if (mode == "ratios")
		ratios()
	else if (mode == "trickle")
		trickle(works)
	else if (mode == "calls")
		calls(works)
	else if (mode == "aims")
		aims()
	else if (mode == "lines")
		lines()
	else if (mode == "bars")
		bars()
	else if (mode == "styles")
		styles()
	else if (mode == "range")
		range()
	else if (mode == "void")
		print n_void + 0
}
