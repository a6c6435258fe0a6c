/* SPDX-License-Identifier: MIT */
/* The parts that page.c puts together; each writes one section and knows nothing of the others. */
#ifndef HOSTINGPI_PAGE_PARTS_H
#define HOSTINGPI_PAGE_PARTS_H

#include <stdbool.h>

#include "agent/report.h"
#include "agent/state.h"
#include "notifiers/page_html.h"

/* What all parts look at. */
struct page {
	struct html html;
	const struct overview *overview;
	const struct about *about;
	const struct decision *decision;
	struct snapshot snapshot; /* .now_ns and .ts_ms are the present */
};

/* The one style sheet and the one script, as they stand between their tags. */
extern const char page_style[];
extern const char page_script[];

/* A state of the controller for people. */
struct page_mood {
	const char *word;     /* "Shedding" */
	const char *tone;     /* class of its colour: good, warn, bad, idle */
	const char *shape;    /* the inside of an SVG of 48 x 48; differs without colour */
	const char *sentence; /* what it does */
	const char *advice;   /* what to do; NULL: nothing */
};

const struct page_mood *page_mood(const struct decision *decision);
/* What to do now; NULL: nothing. */
const char *page_advice(const struct page *page);

void page_put_icon(struct page *page);	  /* the link in the head */
void page_put_state(struct page *page);	  /* state, reason, since */
void page_put_figures(struct page *page); /* the six numbers that count */
void page_put_plots(struct page *page);	  /* the last hour and day */
void page_put_events(struct page *page);  /* what happened */
void page_put_balancers(struct page *page);
void page_put_readings(struct page *page); /* everything that is read */
void page_put_about(struct page *page);	   /* what this Pi is */

/* What the parts share. A moment as a time element, with how long ago it was (page_moment.c). */
void page_put_moment(struct page *page, int64_t wall_ms);

/*
 * The slot of a reading by its names in the documents (of a rate: the rate's). -1: there is none
 * (page_lookup.c).
 */
int page_find(const struct page *page, const char *group, const char *name, bool *ret_rate);
/* A number: its value, or the rate in thousandths; false: it is not known. */
bool page_value(const struct page *page, const char *group, const char *name, int64_t *ret_value);

#endif
