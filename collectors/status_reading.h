/* SPDX-License-Identifier: MIT */
/* What a web server says of itself, whoever it is and however it is asked. */
#ifndef HOSTINGPI_STATUS_READING_H
#define HOSTINGPI_STATUS_READING_H

#include <stdbool.h>
#include <stdint.h>

/* Where several are found, the first one is taken. */
enum status_kind {
	STATUS_NGINX,	 /* stub_status */
	STATUS_APACHE,	 /* server-status?auto */
	STATUS_LIGHTTPD, /* server-status?auto of another form */
	STATUS_CADDY,	 /* metrics for Prometheus */
	STATUS_PHP_FPM,	 /* pm.status_path, over FastCGI */
	STATUS_HAPROXY,	 /* "show stat" on the stats socket */
	STATUS_LOG,	 /* no server: the lines of its access log */
	STATUS_KINDS,
};

/* The names of enum status_kind, as in [requests] source. */
extern const char *const status_kind_names[STATUS_KINDS];

enum status_field {
	STATUS_REQUESTS,	 /* since the server's start, polls of ours included */
	STATUS_ERRORS_5XX,	 /* of these with a status of 500 to 599 */
	STATUS_TIME_US,		 /* all that these took together */
	STATUS_TIMED,		 /* what was timed, where that is not STATUS_REQUESTS */
	STATUS_LATENCY_US,	 /* mean of the newest, where the server itself says it */
	STATUS_BUSY,		 /* workers or requests at work for somebody else */
	STATUS_IDLE,		 /* workers that wait for a request */
	STATUS_QUEUED,		 /* requests that wait for a worker */
	STATUS_CHILDREN_REACHED, /* how often all workers were at work */
	STATUS_SLOW,		 /* requests that the server calls slow */
	STATUS_AGE,		 /* falls only when the server was started anew */
	STATUS_FIELDS,
};

struct status_reading {
	enum status_kind kind;
	unsigned known; /* bit per field */
	int64_t value[STATUS_FIELDS];
	bool counts_polls; /* STATUS_REQUESTS counts our polls as well, as far as is known */
	bool at_once;	   /* if it does, then before the next poll */
	int64_t own_busy;  /* what was taken off STATUS_BUSY for the poll at hand */
};

static inline bool status_has(const struct status_reading *reading, enum status_field field)
{
	return (reading->known >> field) & 1;
}

static inline void status_put(struct status_reading *reading, enum status_field field,
			      int64_t value)
{
	reading->known |= 1u << field;
	reading->value[field] = value;
}

/* Why a server of this kind does not say a field, and what to do; static. */
const char *status_missing(enum status_kind kind, enum status_field field);

/* Workers and connections: no server has more, and sums of these stay far from any overflow. */
#define STATUS_COUNT_MAX 1000000
/* Totals: what JSON can carry exactly; 1000 requests a second need 285000 years for it. */
#define STATUS_TOTAL_MAX (INT64_C(1) << 53)

#endif
