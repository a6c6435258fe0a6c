/* SPDX-License-Identifier: MIT */
/*
 * Servers count different things. What one of them does not say is unknown for a reason, which is
 * that of the first row below that is for the field and the kind.
 */
#include "collectors/status_reading.h"

#include <stddef.h>

#define ALL ((1u << STATUS_KINDS) - 1)

const char *const status_kind_names[STATUS_KINDS] = {
	[STATUS_NGINX] = "nginx", [STATUS_APACHE] = "apache",	[STATUS_LIGHTTPD] = "lighttpd",
	[STATUS_CADDY] = "caddy", [STATUS_PHP_FPM] = "php-fpm", [STATUS_HAPROXY] = "haproxy",
	[STATUS_LOG] = "log",
};

static const char log_does_not_say[] =
	"an access log does not say it: enable a status page (hostingpi.conf(5) shows how)";

static const struct {
	enum status_field field;
	unsigned kinds;
	const char *why;
} rows[] = {
	{STATUS_REQUESTS, 1u << STATUS_LOG,
	 "part of the access log was skipped: it grows too fast, or its disk fails"},
	{STATUS_ERRORS_5XX, 1u << STATUS_LOG,
	 "the lines of the access log have no status: use the common or combined format"},
	{STATUS_LATENCY_US, 1u << STATUS_LOG, log_does_not_say},
	{STATUS_BUSY, 1u << STATUS_LOG, log_does_not_say},
	{STATUS_IDLE, 1u << STATUS_LOG, log_does_not_say},
	{STATUS_REQUESTS, 1u << STATUS_APACHE,
	 "Apache does not count: it needs 'ExtendedStatus On'"},
	{STATUS_REQUESTS, 1u << STATUS_CADDY,
	 "Caddy has counted no request: it needs 'servers { metrics }' in its global options"},
	{STATUS_REQUESTS, 1u << STATUS_HAPROXY,
	 "HAProxy counts the requests of frontends in mode http only"},
	{STATUS_BUSY, 1u << STATUS_CADDY,
	 "Caddy has counted no request: it needs 'servers { metrics }' in its global options"},
	{STATUS_ERRORS_5XX, 1u << STATUS_CADDY,
	 "Caddy has counted no request: it needs 'servers { metrics }' in its global options"},
	{STATUS_ERRORS_5XX, ALL, "the status page does not count errors"},
	{STATUS_LATENCY_US, 1u << STATUS_APACHE,
	 "Apache does not time requests: it needs 'ExtendedStatus On'"},
	{STATUS_LATENCY_US, 1u << STATUS_CADDY | 1u << STATUS_HAPROXY,
	 "no request was finished since the last poll"},
	{STATUS_LATENCY_US, ALL, "the status page does not say how long requests take"},
	{STATUS_IDLE, 1u << STATUS_NGINX, "nginx does not count idle workers"},
	{STATUS_IDLE, ALL, "one process serves all requests here: there are no idle workers"},
	{STATUS_QUEUED, 1u << STATUS_PHP_FPM,
	 "PHP-FPM sees the queue of a TCP socket only, not of a Unix socket"},
	{STATUS_QUEUED, ALL, "only PHP-FPM and HAProxy say how many requests wait"},
	{STATUS_CHILDREN_REACHED, ALL, "only PHP-FPM counts this"},
	{STATUS_SLOW, ALL, "only PHP-FPM counts this"},
};

const char *status_missing(enum status_kind kind, enum status_field field)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].field == field && (rows[i].kinds >> kind) & 1)
			return rows[i].why;
	return "the status page does not say it";
}
