/* SPDX-License-Identifier: MIT */
/*
 * Caddy counts a request once for each handler of a route that it passes, so handlers must not be
 * summed up. The handler that saw most is the one that all requests of a server pass, or the nearest
 * there is; its count never falls while the server runs. So each figure is the largest of the
 * server's handlers, and those of all servers are added up. Labels besides (method, and host where
 * asked for) only split what is counted, and are added up again.
 *
 * Nothing on the page tells that it is Caddy's before it was asked for once.
 *
 * Caddy 2.6 has no status code for an error that it answers itself, such as 502: such a request is
 * counted, but neither timed nor counted among the errors.
 */
#include "collectors/status_caddy.h"

#include <errno.h>
#include <string.h>

static const char prefix[] = "caddy_";

static const struct {
	const char *name;
	unsigned sum;	 /* enum caddy_sum */
	unsigned digits; /* behind the point that are kept */
} series[] = {
	{"caddy_http_requests_total", CADDY_REQUESTS, 0},
	{"caddy_http_requests_in_flight", CADDY_IN_FLIGHT, 0},
	{"caddy_http_request_duration_seconds_count", CADDY_TIMED, 0},
	{"caddy_http_request_duration_seconds_sum", CADDY_TIME_US, 6},
};

static const char start_time[] = "process_start_time_seconds ";

struct span {
	const char *at, *end;
};

struct labels {
	uint64_t server, handler;
	bool has_server, has_handler, error;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* FNV-1a, 64 bit. */
static uint64_t hash(const char *text, size_t length)
{
	uint64_t value = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < length; i++)
		value = (value ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return value;
}

static bool skip_prefix(struct span *rest, const char *text)
{
	size_t length = strlen(text);
	if ((size_t)(rest->end - rest->at) < length || memcmp(rest->at, text, length) != 0)
		return false;
	rest->at += length;
	return true;
}

/* "e+06": what behind 'e' is added to *exponent. */
static bool take_exponent(struct span *rest, int *exponent)
{
	int value = 0;
	bool negative = rest->at < rest->end && *rest->at == '-';
	rest->at += rest->at < rest->end && (*rest->at == '-' || *rest->at == '+');
	if (rest->at == rest->end || !is_digit(*rest->at))
		return false;
	for (; rest->at < rest->end && is_digit(*rest->at); rest->at++)
		value = value < 1000 ? 10 * value + (*rest->at - '0') : value;
	*exponent += negative ? -value : value;
	return true;
}

/*
 * An unsigned decimal number such as 12, 0.25 or 1.5e+06, times 10^digits and rounded down, up to
 * STATUS_TOTAL_MAX. Goes behind it; false if there is none, or a larger one.
 */
static bool take_number(struct span *rest, unsigned digits, int64_t *ret_value)
{
	int64_t value = 0;
	int exponent = (int)digits;
	bool point = false, any = false;
	for (; rest->at < rest->end && (is_digit(*rest->at) || (*rest->at == '.' && !point));
	     rest->at++) {
		if (*rest->at == '.') {
			point = true;
			continue;
		}
		any = true;
		if (value <= INT64_MAX / 100) {
			value = 10 * value + (*rest->at - '0');
			exponent -= point;
		} else {
			exponent += !point;
		}
	}
	if (!any)
		return false;
	if (rest->at < rest->end && (*rest->at == 'e' || *rest->at == 'E')) {
		rest->at++;
		if (!take_exponent(rest, &exponent))
			return false;
	}
	for (; exponent < 0 && value; exponent++)
		value /= 10;
	for (; exponent > 0 && value && value <= STATUS_TOTAL_MAX; exponent--)
		value *= 10;
	if (value > STATUS_TOTAL_MAX)
		return false;
	*ret_value = value;
	return true;
}

/* A value alone, or before a time stamp. */
static bool take_last(struct span *rest, unsigned digits, int64_t *ret_value)
{
	return take_number(rest, digits, ret_value) &&
	       (rest->at == rest->end || *rest->at == ' ' || *rest->at == '\r');
}

/* `name="value"` and the comma behind it. */
static bool take_label(struct span *rest, struct labels *labels)
{
	const char *name = rest->at;
	const char *equals = memchr(name, '=', (size_t)(rest->end - name));
	if (!equals || equals + 1 == rest->end || equals[1] != '"')
		return false;
	size_t length = (size_t)(equals - name);
	const char *value = equals + 2, *at = value;
	while (at < rest->end && *at != '"')
		at += *at == '\\' && at + 1 < rest->end ? 2 : 1;
	if (at >= rest->end)
		return false;

	size_t value_length = (size_t)(at - value);
	if (length == 6 && memcmp(name, "server", 6) == 0) {
		labels->server = hash(value, value_length);
		labels->has_server = true;
	} else if (length == 7 && memcmp(name, "handler", 7) == 0) {
		labels->handler = hash(value, value_length);
		labels->has_handler = true;
	} else if (length == 4 && memcmp(name, "code", 4) == 0) {
		labels->error = value_length == 3 && *value == '5';
	}
	rest->at = at + 1;
	if (rest->at < rest->end && *rest->at == ',')
		rest->at++;
	return true;
}

/* `{label="value",...} ` */
static bool take_labels(struct span *rest, struct labels *ret_labels)
{
	*ret_labels = (struct labels){0};
	if (rest->at == rest->end || *rest->at != '{')
		return false;
	rest->at++;
	while (rest->at < rest->end && *rest->at != '}')
		if (!take_label(rest, ret_labels))
			return false;
	return skip_prefix(rest, "} ") && ret_labels->has_server && ret_labels->has_handler;
}

static struct caddy_handler *find_handler(struct caddy_page *page, const struct labels *labels)
{
	for (size_t i = 0; i < page->count; i++)
		if (page->handlers[i].server == labels->server &&
		    page->handlers[i].handler == labels->handler)
			return &page->handlers[i];
	if (page->count == CADDY_HANDLERS)
		return NULL;
	struct caddy_handler *handler = &page->handlers[page->count++];
	*handler = (struct caddy_handler){.server = labels->server, .handler = labels->handler};
	return handler;
}

static void add(struct caddy_page *page, struct caddy_handler *handler, enum caddy_sum sum,
		int64_t value)
{
	handler->sum[sum] += value; /* both are at most 2^53 */
	if (handler->sum[sum] > STATUS_TOTAL_MAX)
		page->why = "Caddy's metrics: a count is not a plausible number";
}

static void take_series(struct caddy_page *page, struct span rest, enum caddy_sum sum,
			unsigned digits)
{
	struct labels labels;
	int64_t value;
	if (!take_labels(&rest, &labels) || !take_last(&rest, digits, &value)) {
		page->why = "malformed metrics of Caddy";
		return;
	}
	struct caddy_handler *handler = find_handler(page, &labels);
	if (!handler) {
		page->why = "Caddy's metrics: there are more than 64 handlers";
		return;
	}
	add(page, handler, sum, value);
	if (sum == CADDY_TIMED && labels.error)
		add(page, handler, CADDY_ERRORS_5XX, value);
}

void caddy_start(struct caddy_page *page)
{
	page->found = false;
	page->why = NULL;
	page->start_us = 0;
	page->count = 0;
}

void caddy_line(struct caddy_page *page, const char *line, size_t length)
{
	struct span rest = {line, line + length};
	if (page->why)
		return;
	if (skip_prefix(&rest, start_time)) {
		if (!take_last(&rest, 6, &page->start_us))
			page->why = "malformed metrics of Caddy";
		return;
	}
	if (!skip_prefix(&rest, prefix))
		return;
	page->found = true;
	for (size_t i = 0; i < sizeof(series) / sizeof(series[0]); i++) {
		rest.at = line;
		/* Behind the name the labels begin, otherwise it is part of a longer one. */
		if (skip_prefix(&rest, series[i].name) && rest.at < rest.end && *rest.at == '{')
			take_series(page, rest, series[i].sum, series[i].digits);
	}
}

/* Adds up over the servers what the handler with most of it says. */
static void sum_up(const struct caddy_page *page, int64_t ret_total[CADDY_SUMS])
{
	for (unsigned sum = 0; sum < CADDY_SUMS; sum++) {
		ret_total[sum] = 0;
		for (size_t i = 0; i < page->count; i++) {
			const struct caddy_handler *first = &page->handlers[i];
			int64_t most = first->sum[sum];
			bool again = false;
			for (size_t j = 0; j < page->count; j++) {
				const struct caddy_handler *other = &page->handlers[j];
				if (other->server != first->server)
					continue;
				again = again || j < i;
				if (other->sum[sum] > most)
					most = other->sum[sum];
			}
			if (!again)
				ret_total[sum] += most; /* 64 times 2^53 at most */
		}
	}
}

int caddy_finish(const struct caddy_page *page, struct status_reading *ret_reading,
		 const char **ret_why)
{
	int64_t total[CADDY_SUMS];
	if (!page->why && !page->found) {
		*ret_why = "these are metrics for Prometheus, but not (yet) Caddy's";
		return -EPROTO;
	}
	sum_up(page, total);
	bool plausible = total[CADDY_IN_FLIGHT] <= STATUS_COUNT_MAX;
	for (unsigned sum = 0; sum < CADDY_SUMS; sum++)
		plausible = plausible && total[sum] <= STATUS_TOTAL_MAX;
	if (page->why || !plausible) {
		*ret_why = page->why ? page->why
				     : "Caddy's metrics: a count is not a plausible number";
		return -EBADMSG;
	}

	struct status_reading reading = {.kind = STATUS_CADDY};
	if (page->count > 0) {
		status_put(&reading, STATUS_REQUESTS, total[CADDY_REQUESTS]);
		status_put(&reading, STATUS_BUSY, total[CADDY_IN_FLIGHT]);
		status_put(&reading, STATUS_ERRORS_5XX, total[CADDY_ERRORS_5XX]);
		status_put(&reading, STATUS_TIMED, total[CADDY_TIMED]);
		status_put(&reading, STATUS_TIME_US, total[CADDY_TIME_US]);
	}
	/* A later start is a smaller age. */
	if (page->start_us > 0)
		status_put(&reading, STATUS_AGE, STATUS_TOTAL_MAX - page->start_us);
	*ret_reading = reading;
	return 0;
}
