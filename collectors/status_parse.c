/* SPDX-License-Identifier: MIT */
/*
 * nginx prints one fixed form with seven numbers (ngx_http_stub_status_module), which is read from
 * front to back. Apache, lighttpd (mod_status of either with ?auto) and PHP-FPM (pm.status_path) print
 * "Key: value" lines in an order that differs between versions, of which a few are looked up at the
 * starts of lines; the scoreboard among them may be kilobytes long. A page whose numbers are not
 * whole, unsigned and plausible is refused as a whole: half a lie is no reading, and what is
 * believed here sizes the budget for web workers.
 */
#include "collectors/status_parse.h"

#include <errno.h>
#include <string.h>

#include "agent/procfs.h"
#include "collectors/status_haproxy.h"

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

/* A line of a page of lines. */
struct line {
	const char *key;
	enum status_field field;
	bool needed; /* tells the page from others, and is always there */
	int64_t max;
	int64_t scale;
};

#define LINES 8

/* ServerUptimeSeconds falls with a graceful restart as well, which keeps the counters. */
static const struct line apache_lines[LINES] = {
	{"BusyWorkers:", STATUS_BUSY, true, STATUS_COUNT_MAX, 1},
	{"IdleWorkers:", STATUS_IDLE, true, STATUS_COUNT_MAX, 1},
	{"Total Accesses:", STATUS_REQUESTS, false, STATUS_TOTAL_MAX, 1},
	{"Total Duration:", STATUS_TIME_US, false, STATUS_TOTAL_MAX / 1000, 1000},
	{"ServerUptimeSeconds:", STATUS_AGE, false, STATUS_TOTAL_MAX, 1},
};

/* IdleServers are connections that could still be accepted; nobody works there. */
static const struct line lighttpd_lines[LINES] = {
	{"BusyServers:", STATUS_BUSY, true, STATUS_COUNT_MAX, 1},
	{"Total Accesses:", STATUS_REQUESTS, true, STATUS_TOTAL_MAX, 1},
	{"Uptime:", STATUS_AGE, false, STATUS_TOTAL_MAX, 1},
};

static const struct line php_fpm_lines[LINES] = {
	{"accepted conn:", STATUS_REQUESTS, true, STATUS_TOTAL_MAX, 1},
	{"active processes:", STATUS_BUSY, true, STATUS_COUNT_MAX, 1},
	{"idle processes:", STATUS_IDLE, true, STATUS_COUNT_MAX, 1},
	{"listen queue:", STATUS_QUEUED, false, STATUS_COUNT_MAX, 1},
	{"max children reached:", STATUS_CHILDREN_REACHED, false, STATUS_TOTAL_MAX, 1},
	{"slow requests:", STATUS_SLOW, false, STATUS_TOTAL_MAX, 1},
	{"start since:", STATUS_AGE, false, STATUS_TOTAL_MAX, 1},
};

/* Pages that people point to by mistake, and what to do then. */
static const struct {
	const char *sign, *why;
} mistakes[] = {
	{"<title>Apache Status</title>",
	 "this is Apache's status page for people: add ?auto to the path"},
	{"\"RequestsTotal\":",
	 "this is lighttpd's status page as JSON: ?auto is the one to ask for"},
	{"\"accepted conn\":",
	 "this is PHP-FPM's status page as JSON: leave out what follows the ?"},
	{"<title>PHP-FPM Status Page</title>",
	 "this is PHP-FPM's status page for people: leave out what follows the ?"},
};

static const char *skip_blank(const char *text)
{
	return text + strspn(text, " \t\r\n");
}

static bool is_count(int64_t value)
{
	return value <= STATUS_COUNT_MAX;
}

static bool is_total(int64_t value)
{
	return value <= STATUS_TOTAL_MAX;
}

static void leave_us_out(struct status_reading *reading, enum status_field field)
{
	if (reading->value[field] > 0)
		reading->value[field]--;
}

static void leave_us_idle(struct status_reading *reading)
{
	reading->own_busy = reading->value[STATUS_BUSY] > 0;
	leave_us_out(reading, STATUS_BUSY);
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
	struct status_reading reading = {.kind = STATUS_NGINX, .counts_polls = true};
	status_put(&reading, STATUS_REQUESTS, values[NGINX_REQUESTS]);
	status_put(&reading, STATUS_BUSY, values[NGINX_READING] + values[NGINX_WRITING]);
	leave_us_out(&reading, STATUS_REQUESTS);
	leave_us_idle(&reading);
	*ret_reading = reading;
	return 0;
}

/* Finds the line that starts with key: what is behind it, or NULL. *ret_next: where to go on. */
static const char *find_line(const char *body, const char *key, const char **ret_next)
{
	size_t length = strlen(key);
	for (const char *line = body; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) != 0)
			continue;
		*ret_next = line + length;
		return line + length + strspn(line + length, " \t");
	}
	return NULL;
}

/*
 * 0 and the number that is all the rest of the line with this key, -ENOENT if there is no such line,
 * -EBADMSG if it stands twice or has no such number.
 */
static int find_number(const char *body, const char *key, int64_t *ret_value)
{
	int64_t value;
	const char *next, *at = find_line(body, key, &next);
	if (!at)
		return -ENOENT;
	next = strchr(next, '\n');
	if (procfs_number(at, &at, &value) < 0)
		return -EBADMSG;
	at += strspn(at, " \t\r");
	if ((*at && *at != '\n') || (next && find_line(next, key, &next)))
		return -EBADMSG;
	*ret_value = value;
	return 0;
}

/* Reads the lines of a table. -EBADMSG, or -ERANGE for a number that is not plausible. */
static int take_lines(const char *body, const struct line *lines, struct status_reading *reading)
{
	for (size_t i = 0; i < LINES && lines[i].key; i++) {
		int64_t value;
		int r = find_number(body, lines[i].key, &value);
		if (r == -ENOENT && !lines[i].needed)
			continue;
		if (r < 0)
			return -EBADMSG;
		if (value > lines[i].max)
			return -ERANGE;
		status_put(reading, lines[i].field, value * lines[i].scale);
	}
	return 0;
}

/* Any needed line makes it such a page, so that one that lacks is told. */
static bool is_page(const char *body, const struct line *lines, enum status_field sign)
{
	const char *next;
	for (size_t i = 0; i < LINES && lines[i].key; i++)
		if (lines[i].needed && lines[i].field != sign &&
		    find_line(body, lines[i].key, &next))
			return true;
	return false;
}

static int finish_apache(const char *body, struct status_reading *reading)
{
	/* A request is counted when it is over, so the counter lacks the poll; "Busy" has it. */
	(void)body;
	leave_us_idle(reading);
	return 0;
}

/*
 * "BusyServers" are connections, of which many idle: the scoreboard has a letter for each. Those kept
 * alive (k), without a request yet (r, also one that a browser opened ahead), being closed (C) or
 * shut (.) are no load.
 */
static int finish_lighttpd(const char *body, struct status_reading *reading)
{
	const char *next, *board = find_line(body, "Scoreboard:", &next);
	if (!board || find_line(next, "Scoreboard:", &next))
		return -EBADMSG;
	int64_t busy = 0;
	for (; *board && *board != '\n' && *board != '\r'; board++)
		busy += !strchr("_krC.", *board);
	if (busy > reading->value[STATUS_BUSY])
		return -EBADMSG;
	status_put(reading, STATUS_BUSY, busy);
	leave_us_idle(reading);
	return 0;
}

/*
 * The pool that answers is among its own figures, unless pm.status_listen gave the page another, which
 * the page does not tell. The counter has the poll at hand. Who is at work is counted by the workers
 * and corrected by their master once a second, so it may be wrong by one for that long.
 * Of a Unix socket PHP-FPM knows neither how long its queue is nor how long it may be.
 */
static int finish_php_fpm(const char *body, struct status_reading *reading)
{
	int64_t room;
	int r = find_number(body, "listen queue len:", &room);
	if (r == -EBADMSG)
		return r;
	if (r < 0 || room == 0)
		reading->known &= ~(1u << STATUS_QUEUED);
	reading->at_once = true;
	leave_us_idle(reading);
	return 0;
}

static const struct lines_page {
	enum status_kind kind;
	const struct line *lines;
	enum status_field shared; /* a needed line that other pages have as well */
	int (*finish)(const char *body, struct status_reading *reading);
	const char *malformed, *implausible;
} lines_pages[] = {
	{STATUS_APACHE, apache_lines, STATUS_REQUESTS, finish_apache,
	 "malformed Apache server-status page",
	 "Apache server-status page: a count is not a plausible number"},
	{STATUS_LIGHTTPD, lighttpd_lines, STATUS_REQUESTS, finish_lighttpd,
	 "malformed lighttpd server-status page",
	 "lighttpd server-status page: a count is not a plausible number"},
	{STATUS_PHP_FPM, php_fpm_lines, STATUS_FIELDS, finish_php_fpm,
	 "malformed PHP-FPM status page", "PHP-FPM status page: a count is not a plausible number"},
};

static int parse_lines(const char *body, const struct lines_page *page,
		       struct status_reading *ret_reading, const char **ret_why)
{
	struct status_reading reading = {.kind = page->kind, .counts_polls = true};
	int r = take_lines(body, page->lines, &reading);
	if (r == 0)
		r = page->finish(body, &reading);
	if (r < 0) {
		*ret_why = r == -ERANGE ? page->implausible : page->malformed;
		return -EBADMSG;
	}
	*ret_reading = reading;
	return 0;
}

int status_parse(const char *body, size_t length, struct status_reading *ret_reading,
		 const char **ret_why)
{
	static const char none[] = "this is no status page of a kind that is known here";
	if (strlen(body) != length) {
		*ret_why = none; /* a NUL byte inside: not text */
		return -EPROTO;
	}

	const char *first = skip_blank(body);
	if (strncmp(first, nginx_words[0], strlen(nginx_words[0])) == 0)
		return parse_nginx(first, ret_reading, ret_why);
	if (haproxy_recognise(body))
		return haproxy_parse(body, ret_reading, ret_why);
	for (size_t i = 0; i < sizeof(lines_pages) / sizeof(lines_pages[0]); i++)
		if (is_page(body, lines_pages[i].lines, lines_pages[i].shared))
			return parse_lines(body, &lines_pages[i], ret_reading, ret_why);

	*ret_why = none;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++)
		if (strstr(body, mistakes[i].sign))
			*ret_why = mistakes[i].why;
	return -EPROTO;
}
