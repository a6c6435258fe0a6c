/* SPDX-License-Identifier: MIT */
/*
 * Finds a status page among the places and keeps polling it: one get at a time, on the agent's loop.
 */
#ifndef HOSTINGPI_STATUS_SEARCH_H
#define HOSTINGPI_STATUS_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/env.h"
#include "agent/log.h"
#include "collectors/status_failure.h"
#include "collectors/status_page.h"
#include "collectors/status_places.h"

/* "no status page at 20 places (where the manual helps); ", a place, ": ", a failure */
#define SEARCH_REASON_SIZE (PLACES_NAME_SIZE + FAILURE_TEXT_SIZE + 96)

struct search_conf {
	struct places_wish wish;
	int64_t interval_ns; /* from poll to poll */
	int64_t timeout_ns;  /* of each get */
	int64_t retry_ns;    /* longest pause between two searches in vain */
	/*
	 * Several servers may be meant: look also who else shows a page, to be able to say so, and take
	 * one that comes first as soon as it is there.
	 */
	bool survey;
	int64_t hold_ns; /* with survey: no place behind a lost one is taken for so long */
};

/* A poll was good (reading is set), or there is no reading now (NULL; search.reason says why). */
typedef void status_search_fn(void *context, const struct status_reading *reading);

/* Zeroed is closed. */
enum search_phase {
	SEARCH_LOOKS,	/* for a page */
	SEARCH_SURVEYS, /* one is found: for pages of other servers */
	SEARCH_POLLS,
	SEARCH_CLIMBS, /* between two polls: for one that comes first */
};

struct status_search {
	struct search_conf conf;
	const struct env *env;
	status_search_fn *fn;
	void *context;
	struct timer *timer; /* next poll or search */
	struct status_page page;
	struct places places;
	enum search_phase phase;
	struct place place;    /* found, or being tried */
	struct place other;    /* SEARCH_SURVEYS, SEARCH_CLIMBS: being tried */
	enum status_kind kind; /* whose page was found */
	unsigned kinds;	       /* mask of 1u << enum status_kind: and of whom besides */
	unsigned failures;     /* in a row at the found place */
	unsigned probes;       /* polls back to back at the found place */
	int64_t poll_ns;       /* start of the newest get */
	int64_t pause_ns;      /* after the next search in vain */
	int64_t lost_ns;       /* when the first of these failures came */
	int64_t climb_ns;      /* not before that is a place looked for that comes first */
	int64_t climb_pause_ns;
	/* What was polled last; told.endpoint is behind the last one before that. */
	struct place told;
	enum status_kind told_kind;
	/* Of each endpoint so far: what its server has answered, or has got at least, and so counts. */
	int64_t answers[PLACES_ENDPOINTS];

	/* Of the search under way: how many places, and the most telling failure. */
	unsigned tried;
	bool answered; /* somebody answered during this search */
	unsigned best_rank;
	char best[PLACES_NAME_SIZE + FAILURE_TEXT_SIZE];

	char reason[SEARCH_REASON_SIZE];
	struct complaint complaint;
};

/*
 * Starts; the first get leaves as soon as the loop runs. conf.wish has been checked with
 * places_make(). 0, or negative errno without a timer or memory; then it must be closed as well.
 */
int status_search_open(struct status_search *search, const struct env *env,
		       const struct search_conf *conf, status_search_fn *fn, void *context);
/* True while a page is polled. */
bool status_search_found(const struct status_search *search);
/* Asks for the next poll earlier than the interval says, once; a search is not hurried. */
void status_search_soon(struct status_search *search);
void status_search_close(struct status_search *search);

#endif
