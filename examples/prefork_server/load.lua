-- load.lua - have wrk count its answers by their status
--
--	wrk -s load.lua URL
--
-- Its last line is for test.sh.

local threads = {}

function setup(thread)
	table.insert(threads, thread)
end

function init()
	n_200, n_502, n_503, n_other = 0, 0, 0, 0
end

function response(status)
	if status == 200 then
		n_200 = n_200 + 1
	elseif status == 502 then
		n_502 = n_502 + 1
	elseif status == 503 then
		n_503 = n_503 + 1
	else
		n_other = n_other + 1
	end
end

local function sum(name)
	local n = 0
	for _, thread in ipairs(threads) do
		n = n + thread:get(name)
	end
	return n
end

function done(summary, latency)
	local e = summary.errors
	io.write(string.format("wrk ok=%d lost=%d refused=%d other=%d " ..
		"connect=%d read=%d write=%d timeout=%d p50=%d p99=%d us=%d\n",
		sum("n_200"), sum("n_502"), sum("n_503"), sum("n_other"),
		e.connect, e.read, e.write, e.timeout,
		latency:percentile(50), latency:percentile(99),
		summary.duration))
end
