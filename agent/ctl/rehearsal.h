/* SPDX-License-Identifier: MIT */
/*
 * What was seen in the rehearsal of a drain, and what follows from it. Pure: documents, connections and
 * times come in.
 */
#ifndef HOSTINGPI_CTL_REHEARSAL_H
#define HOSTINGPI_CTL_REHEARSAL_H

#include <stdint.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "agent/ctl/connections.h"
#include "agent/ctl/text.h"

/* Those that asked, and hosts that have connections and did not. */
#define REHEARSAL_MOST 64

enum rehearsal_verdict {
	REHEARSAL_OBEYED,
	REHEARSAL_UNSEEN,    /* heard it, but had no connections that could have gone */
	REHEARSAL_STAYED,    /* heard it, and its connections stayed */
	REHEARSAL_DEAF,	     /* it asks, but has not heard it */
	REHEARSAL_UNASKED,   /* it has connections, and did not ask */
	REHEARSAL_BYSTANDER, /* no load balancer: asks for something else, or was here for a moment */
	REHEARSAL_VERDICTS,
};

/* Over the samples of a time. */
struct rehearsal_mean {
	double sum;
	size_t count;
};

struct rehearsal_host {
	char name[64];	  /* empty: it has none */
	char address[64]; /* empty: not known */
	char by[32];	  /* what it asks; empty: it did not */
	struct in6_addr host;
	bool host_known;
	double interval_s;	    /* NAN: not known */
	double silent_s;	    /* since it asked last; NAN: not known */
	int64_t drain_ms, ready_ms; /* when it had heard each; 0: it has not */
	struct rehearsal_mean before, end;
	size_t least;	  /* connections while drained; they were so few first */
	int64_t least_ms; /* 0: never looked */
};

/* Zeroed but for for_ms and ports is a valid start. Times are monotonic milliseconds; 0: not yet. */
struct rehearsal {
	int64_t for_ms;
	int64_t drain_ms, ready_ms; /* when they were said */
	int64_t back_ms;	    /* the weight is what it was */
	double weight;		    /* before */
	bool interrupted;	    /* the person at the terminal had enough */
	bool ended_early;	    /* somebody else said "ready" */
	bool agent_lost;	    /* it did not answer to "ready" */
	bool connections_seen;	    /* any, ever */
	struct connections_ports ports;
	struct rehearsal_mean requests_before, requests_end, busy_before, busy_end;
	size_t count;
	struct rehearsal_host hosts[REHEARSAL_MOST];
	size_t others; /* for whom there was no room */
};

/* Takes what there is to be seen now; both may be NULL: not known. */
void rehearsal_take(struct rehearsal *rehearsal, const cJSON *status,
		    const struct connections *connections, int64_t now_ms);

enum rehearsal_verdict rehearsal_judge(const struct rehearsal *rehearsal,
				       const struct rehearsal_host *host);
/* True if it was played to its end, somebody asked, and all that matter obeyed. */
bool rehearsal_passed(const struct rehearsal *rehearsal);
/* True if all that asked have heard what was said last. */
bool rehearsal_heard(const struct rehearsal *rehearsal);

double rehearsal_mean_of(const struct rehearsal_mean *mean); /* NAN: nothing was known */

/* The present in one line; the report; the report for programs (NULL without memory). */
void rehearsal_print_line(FILE *out, const struct style *style, const struct rehearsal *rehearsal,
			  const cJSON *status, const struct connections *connections,
			  int64_t now_ms);
void rehearsal_print(FILE *out, const struct style *style, const struct rehearsal *rehearsal);
cJSON *rehearsal_json(const struct rehearsal *rehearsal);

#endif
