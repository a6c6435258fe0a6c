/* SPDX-License-Identifier: MIT */
/* One number for all Pis of a run at one moment: what a line of a picture is made of. */
#ifndef HOSTINGPI_SIM_QUANTITY_H
#define HOSTINGPI_SIM_QUANTITY_H

#include "tests/sim/result.h"

enum quantity {
	QUANTITY_NONE,
	QUANTITY_HEADROOM, /* MB, of the Pi that has least */
	QUANTITY_SWAPPED,  /* MB, sum */
	QUANTITY_WEB,	   /* MB, mean; also the next two */
	QUANTITY_NONWEB,
	QUANTITY_CACHE,
	QUANTITY_WEIGHT,  /* percent, mean */
	QUANTITY_MAXCONN, /* sum; NAN: none of them has one */
	QUANTITY_BUSY,	  /* sum */
	QUANTITY_QUEUED,
	QUANTITY_GOOD, /* per second; also the next two */
	QUANTITY_REFUSED,
	QUANTITY_OFFERED,
};

/* The value at one point, and of single Pis the least and the most (of rates: the same). */
double quantity_at(const struct series *series, size_t at, enum quantity quantity, double *ret_low,
		   double *ret_high);

#endif
