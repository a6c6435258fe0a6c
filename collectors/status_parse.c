/* SPDX-License-Identifier: MIT */
/*
 * nginx prints one fixed form with seven numbers (ngx_http_stub_status_module), which is read from
 * front to back. Apache prints "Key: value" lines in an order that differs between versions
 * (mod_status with ?auto), of which three are looked up at the starts of lines; the scoreboard
 * among them may be kilobytes long and is only stepped over. A page whose numbers are not whole,
 * unsigned and plausible is refused as a whole: half a lie is no reading, and what is believed here
 * sizes the budget for web workers.
 */
#include "collectors/status_parse.h"

#include <errno.h>
#include <string.h>

#include "agent/procfs.h"

const char *const status_kind_names[STATUS_KINDS] = {
	[STATUS_NGINX] = "nginx",
	[STATUS_APACHE] = "apache",
};

/* The numbers of stub_status, in their order, each behind its words. */
enum nginx_field {
	NGINX_ACTIVE,
	NGINX_ACCEPTS,
	NGINX_HANDLED,
	NGINX_REQUESTS,
	NGINX_READING,
	NGINX_WRITING,
	NGINX_WAITING,
	NGINX_FIELDS,
};

static const char *const nginx_words[NGINX_FIELDS] = {
	[NGINX_ACTIVE] = "Active connections:",
	[NGINX_ACCEPTS] = "server accepts handled requests",
	[NGINX_HANDLED] = "",
	[NGINX_REQUESTS] = "",
	[NGINX_READING] = "Reading:",
	[NGINX_WRITING] = "Writing:",
	[NGINX_WAITING] = "Waiting:",
};

/* Workers and connections: no server has more, and sums of these stay far from any overflow. */
#define COUNT_MAX 1000000
/* Totals: what JSON can carry exactly; 1000 requests a second need 285000 years for it. */
#define TOTAL_MAX (INT64_C(1) << 53)

static const char apache_busy[] = "BusyWorkers:";
static const char apache_idle[] = "IdleWorkers:";
static const char apache_total[] = "Total Accesses:";

/* Pages that people point to by mistake, and what to do then. */
static const struct {
	const char *sign, *why;
} mistakes[] = {
	{"<title>Apache Status</title>",
	 "this is Apache's status page for people: add ?auto to the path"},
	{"\nBusyServers:", "lighttpd's status page is not supported yet"},
};

static const char *skip_blank(const char *text)
{
	return text + strspn(text, " \t\r\n");
}

static int64_t without_us(int64_t count)
{
	return count > 0 ? count - 1 : 0;
}

static bool is_count(int64_t value)
{
	return value <= COUNT_MAX;
}

static bool is_total(int64_t value)
{
	return value <= TOTAL_MAX;
}

static bool is_plausible_nginx(const int64_t values[NGINX_FIELDS])
{
	return is_count(values[NGINX_ACTIVE]) && is_total(values[NGINX_ACCEPTS]) &&
	       is_total(values[NGINX_HANDLED]) && is_total(values[NGINX_REQUESTS]) &&
	       is_count(values[NGINX_READING]) && is_count(values[NGINX_WRITING]) &&
	       is_count(values[NGINX_WAITING]);
}

static int parse_nginx(const char *body, struct status_reading *ret_reading, const char **ret_why)
{
	int64_t values[NGINX_FIELDS];
	const char *at = body;
	for (int i = 0; i < NGINX_FIELDS; i++) {
		size_t length = strlen(nginx_words[i]);
		at = skip_blank(at);
		if (strncmp(at, nginx_words[i], length) != 0 ||
		    procfs_number(skip_blank(at + length), &at, &values[i]) < 0) {
			*ret_why = "malformed nginx stub_status page";
			return -EBADMSG;
		}
	}

	if (*skip_blank(at)) {
		*ret_why = "malformed nginx stub_status page";
		return -EBADMSG;
	}
	if (!is_plausible_nginx(values)) {
		*ret_why = "nginx stub_status page: a count is not a plausible number";
		return -EBADMSG;
	}

	/* Both the counter and "Writing" count the poll that is being answered. */
	*ret_reading = (struct status_reading){
		.kind = STATUS_NGINX,
		.requests_known = true,
		.requests = without_us(values[NGINX_REQUESTS]),
		.busy = without_us(values[NGINX_READING] + values[NGINX_WRITING]),
	};
	return 0;
}

/*
 * Finds the line that starts with key: 0 and the number that is all the rest of it, -ENOENT if there
 * is no such line, -EBADMSG if it stands twice or has no such number.
 */
static int find_number(const char *body, const char *key, int64_t *ret_value)
{
	size_t length = strlen(key);
	int64_t value = 0;
	bool found = false;
	for (const char *line = body; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) != 0)
			continue;
		const char *at = line + length;
		if (found || procfs_number(at + strspn(at, " \t"), &at, &value) < 0)
			return -EBADMSG;
		at += strspn(at, " \t\r");
		if (*at && *at != '\n')
			return -EBADMSG;
		found = true;
	}
	if (!found)
		return -ENOENT;
	*ret_value = value;
	return 0;
}

static int parse_apache(const char *body, struct status_reading *ret_reading, const char **ret_why)
{
	int64_t busy, idle, requests = 0;
	if (find_number(body, apache_busy, &busy) < 0 ||
	    find_number(body, apache_idle, &idle) < 0) {
		*ret_why = "malformed Apache server-status page: no worker counts";
		return -EBADMSG;
	}
	int r = find_number(body, apache_total, &requests);
	if (r == -EBADMSG) {
		*ret_why = "malformed Apache server-status page: Total Accesses";
		return r;
	}
	if (!is_count(busy) || !is_count(idle) || !is_total(requests)) {
		*ret_why = "Apache server-status page: a count is not a plausible number";
		return -EBADMSG;
	}

	/* A request is counted when it is over, so the counter lacks the poll; "Busy" has it. */
	*ret_reading = (struct status_reading){
		.kind = STATUS_APACHE,
		.requests_known = r == 0, /* missing without ExtendedStatus */
		.requests = requests,
		.busy = without_us(busy),
		.idle_known = true,
		.idle = idle,
	};
	return 0;
}

/* True if the key starts a line. */
static bool has_key(const char *body, const char *key)
{
	int64_t ignored;
	return find_number(body, key, &ignored) != -ENOENT;
}

int status_parse(const char *body, size_t length, struct status_reading *ret_reading,
		 const char **ret_why)
{
	static const char neither[] = "neither nginx stub_status nor Apache server-status?auto";
	if (strlen(body) != length) {
		*ret_why = neither; /* a NUL byte inside: not text */
		return -EPROTO;
	}

	const char *first = skip_blank(body);
	if (strncmp(first, nginx_words[0], strlen(nginx_words[0])) == 0)
		return parse_nginx(first, ret_reading, ret_why);
	if (has_key(body, apache_busy) || has_key(body, apache_idle))
		return parse_apache(body, ret_reading, ret_why);

	*ret_why = neither;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		if (strstr(body, mistakes[i].sign))
			*ret_why = mistakes[i].why;
	}
	return -EPROTO;
}
