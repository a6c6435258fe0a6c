/* SPDX-License-Identifier: MIT */
/* The frame of `hostingpictl watch`, as a function of what is known and of the window. */
#ifndef HOSTINGPI_CTL_VIEW_H
#define HOSTINGPI_CTL_VIEW_H

#include <stdbool.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "agent/ctl/keys.h"

enum view_span {
	VIEW_HOUR,
	VIEW_DAY,
	VIEW_SPANS,
};

struct view {
	struct style style;
	const cJSON *status;	     /* the last one; NULL: there was none */
	const cJSON *const *courses; /* CURVES answers of the span that is shown; see curves.h */
	const cJSON *events;	     /* newest first; NULL: not known yet */
	const char *trouble;	     /* why the agent cannot be asked; NULL: it answers */
	double away_s;		     /* for how long that has been so */
	enum view_span span;
	bool all_events; /* instead of the rest */
};

/* Writes exactly window->rows lines; they may be wider than the window. */
void view_draw(FILE *out, const struct view *view, const struct keys_window *window);

#endif
