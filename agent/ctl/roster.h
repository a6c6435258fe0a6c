/* SPDX-License-Identifier: MIT */
/* Who asks the agent: the load balancers, with what they were told. */
#ifndef HOSTINGPI_CTL_ROSTER_H
#define HOSTINGPI_CTL_ROSTER_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/ctl/row.h"

/* As many as the agent tells of. */
#define ROSTER_MOST 32

/* One that asked lately; the texts belong to the document. */
struct roster_entry {
	const char *by;		    /* the agent's part that it asks: "haproxy" */
	const char *name, *address; /* NULL: not known */
	const char *told;	    /* the last word that mattered: "drain", "ready"; NULL: none */
	double seen_s, interval_s;  /* NAN: not known */
};

/* Fills entries in the order of the document, returns how many. */
size_t roster_read(const cJSON *document, struct roster_entry ret_entries[static ROSTER_MOST]);
/* "lb1/pool" or, if it has no name, its address. */
const char *roster_name(const struct roster_entry *entry);

/* Writes a title and a line for each of them. */
void roster_print(struct row *row);

#endif
