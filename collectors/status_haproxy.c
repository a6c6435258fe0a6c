/* SPDX-License-Identifier: MIT */
/*
 * The first line names the columns, which are more in each version, so they are found by name; an empty
 * line ends the table. Fields may be quoted. Requests are counted by frontends and are at work in
 * backends (a frontend's sessions include connections that idle). Only proxies in mode http count
 * requests; the fields of others are empty.
 */
#include "collectors/status_haproxy.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "agent/procfs.h"

static const char start[] = "# pxname,svname,";

enum column {
	COLUMN_SVNAME,
	COLUMN_QCUR,
	COLUMN_SCUR,
	COLUMN_REQ_TOT,
	COLUMN_HRSP_5XX,
	COLUMN_RTIME,
	COLUMNS,
};

static const char *const column_names[COLUMNS] = {
	[COLUMN_SVNAME] = "svname",   [COLUMN_QCUR] = "qcur",	      [COLUMN_SCUR] = "scur",
	[COLUMN_REQ_TOT] = "req_tot", [COLUMN_HRSP_5XX] = "hrsp_5xx", [COLUMN_RTIME] = "rtime",
};

/* What is never absent since HAProxy 1.5. */
#define NEEDED (1u << COLUMN_SVNAME | 1u << COLUMN_SCUR | 1u << COLUMN_REQ_TOT)

struct field {
	const char *text; /* behind the quote, if there is one */
	size_t length;
};

struct table {
	unsigned at[COLUMNS]; /* which field */
	unsigned known;	      /* bit per column */
	bool frontends, backends;
	int64_t requests, errors, busy, queued;
	int64_t weighted_ms, weight; /* of response times, by the requests of the backend */
};

/* Takes the field at *line and goes behind its comma; false at the end of the line. */
static bool next_field(const char **line, struct field *ret_field)
{
	const char *at = *line;
	if (*at == '\n' || *at == '\0')
		return false;
	if (*at == '"') {
		ret_field->text = ++at;
		while (*at && *at != '\n' && !(at[0] == '"' && at[1] != '"'))
			at += 1 + (at[0] == '"');
		ret_field->length = (size_t)(at - ret_field->text);
		at += *at == '"';
		at += strcspn(at, ",\n");
	} else {
		ret_field->text = at;
		at += strcspn(at, ",\n");
		ret_field->length = (size_t)(at - ret_field->text);
	}
	*line = at + (*at == ',');
	return true;
}

static bool is_text(const struct field *field, const char *text)
{
	return field->length == strlen(text) && memcmp(field->text, text, field->length) == 0;
}

static void find_columns(const char *line, struct table *table)
{
	struct field field;
	line += 2; /* "# " */
	for (unsigned i = 0; next_field(&line, &field); i++)
		for (unsigned column = 0; column < COLUMNS; column++)
			if (!(table->known >> column & 1) &&
			    is_text(&field, column_names[column])) {
				table->known |= 1u << column;
				table->at[column] = i;
			}
}

/* 0, -ENOENT for an empty field, -EBADMSG for one that is no number up to max. */
static int field_number(const struct field *field, int64_t max, int64_t *ret_value)
{
	const char *end;
	int64_t value;
	if (field->length == 0)
		return -ENOENT;
	if (procfs_number(field->text, &end, &value) < 0 || end != field->text + field->length ||
	    value > max)
		return -EBADMSG;
	*ret_value = value;
	return 0;
}

/* The number of a column, 0 where it is empty or absent. -EBADMSG as above. */
static int optional_number(const struct table *table, const struct field *row, enum column column,
			   int64_t max, int64_t *ret_value)
{
	*ret_value = 0;
	if (!(table->known >> column & 1))
		return 0;
	int r = field_number(&row[column], max, ret_value);
	return r == -ENOENT ? 0 : r;
}

/* Adds the row of a proxy that counts requests. */
static int add_row(struct table *table, const struct field *row, bool frontend, int64_t requests)
{
	int64_t errors, busy, queued, time_ms;
	if (optional_number(table, row, COLUMN_HRSP_5XX, STATUS_TOTAL_MAX, &errors) < 0 ||
	    optional_number(table, row, COLUMN_SCUR, STATUS_COUNT_MAX, &busy) < 0 ||
	    optional_number(table, row, COLUMN_QCUR, STATUS_COUNT_MAX, &queued) < 0 ||
	    optional_number(table, row, COLUMN_RTIME, INT32_MAX, &time_ms) < 0)
		return -EBADMSG;
	if (frontend) {
		table->frontends = true;
		table->requests += requests;
		table->errors += errors;
	} else {
		/* 2^53 requests of 2^31 ms would not fit: what is weighted is cut first. */
		int64_t weight = requests < INT32_MAX / 2 ? requests : INT32_MAX / 2;
		table->backends = true;
		table->busy += busy;
		table->queued += queued;
		if (__builtin_add_overflow(table->weighted_ms, weight * time_ms,
					   &table->weighted_ms))
			return -EBADMSG;
		table->weight += weight;
	}
	return table->requests > STATUS_TOTAL_MAX || table->errors > STATUS_TOTAL_MAX ||
			       table->busy > STATUS_COUNT_MAX || table->queued > STATUS_COUNT_MAX
		       ? -EBADMSG
		       : 0;
}

static int take_row(const char *line, struct table *table)
{
	struct field row[COLUMNS] = {0}, field;
	unsigned seen = 0;
	for (unsigned i = 0; next_field(&line, &field); i++)
		for (unsigned column = 0; column < COLUMNS; column++)
			if ((table->known >> column & 1) && table->at[column] == i) {
				row[column] = field;
				seen |= 1u << column;
			}
	if ((seen & NEEDED) != NEEDED)
		return -EBADMSG;

	bool frontend = is_text(&row[COLUMN_SVNAME], "FRONTEND");
	if (!frontend && !is_text(&row[COLUMN_SVNAME], "BACKEND"))
		return 0;
	int64_t requests;
	int r = field_number(&row[COLUMN_REQ_TOT], STATUS_TOTAL_MAX, &requests);
	if (r == -ENOENT)
		return 0; /* mode tcp */
	return r < 0 ? r : add_row(table, row, frontend, requests);
}

bool haproxy_recognise(const char *body)
{
	return strncmp(body, start, strlen(start)) == 0;
}

int haproxy_parse(const char *body, struct status_reading *ret_reading, const char **ret_why)
{
	struct table table = {0};
	find_columns(body, &table);
	int r = (table.known & NEEDED) == NEEDED ? 0 : -EBADMSG;
	const char *line = strchr(body, '\n');
	for (; r == 0 && line && line[1] != '\n' && line[1] != '\0'; line = strchr(line + 1, '\n'))
		r = take_row(line + 1, &table);
	if (r < 0 || !line || line[1] != '\n') {
		*ret_why = r < 0 ? "malformed table of HAProxy"
				 : "HAProxy's table ends before its end";
		return -EBADMSG;
	}

	struct status_reading reading = {.kind = STATUS_HAPROXY};
	if (table.frontends) {
		status_put(&reading, STATUS_REQUESTS, table.requests);
		if (table.known >> COLUMN_HRSP_5XX & 1)
			status_put(&reading, STATUS_ERRORS_5XX, table.errors);
	}
	if (table.backends) {
		status_put(&reading, STATUS_BUSY, table.busy);
		status_put(&reading, STATUS_QUEUED, table.queued);
	}
	if (table.weight > 0)
		status_put(&reading, STATUS_LATENCY_US, table.weighted_ms / table.weight * 1000);
	*ret_reading = reading;
	return 0;
}
