-- hostingpi: what 20-hostingpi-busy.conf runs for each request. To answer sooner, while traffic is shed or an
-- operator drains, look for soft instead of hard.
--
-- Left alone are the pages that tell how the server is: a balancer whose check gets 503 takes the Pi out of
-- traffic altogether.

local told = { ["/health"] = true, ["/status.json"] = true, ["/metrics"] = true, ["/server-status"] = true }

if told[lighty.env["uri.path"]] or not lighty.stat("/run/hostingpi/hard") then
	return
end
lighty.header["Retry-After"] = "10"
lighty.header["Cache-Control"] = "no-store"
lighty.header["Content-Type"] = "text/html"
lighty.content = {
	"<!doctype html><title>Busy</title><p>This small server is busy. Please try again in ten seconds.\n",
}
return 503
