/* SPDX-License-Identifier: MIT */
/*
 * Arrivals are random, so that what happens in one second says nothing: what is told per second is
 * the mean of the last few, and what is told as a sum since the start grows over as many.
 */
#include "tests/sim/quantity.h"

#include <math.h>

#define MB 1e6
#define MEAN_POINTS 5

static double pi_value(const struct series_pi *pi, enum quantity quantity)
{
	switch (quantity) {
	case QUANTITY_HEADROOM:
		return (double)pi->headroom_bytes / MB;
	case QUANTITY_SWAPPED:
		return (double)pi->swapped_bytes / MB;
	case QUANTITY_WEB:
		return (double)pi->web_bytes / MB;
	case QUANTITY_NONWEB:
		return (double)pi->nonweb_bytes / MB;
	case QUANTITY_CACHE:
		return (double)pi->file_bytes / MB;
	case QUANTITY_WEIGHT:
		return (double)pi->weight_pct;
	case QUANTITY_MAXCONN:
		return pi->maxconn < 0 ? NAN : (double)pi->maxconn;
	case QUANTITY_BUSY:
		return (double)pi->busy;
	case QUANTITY_QUEUED:
		return (double)pi->queued;
	case QUANTITY_GOOD:
		return (double)pi->good;
	case QUANTITY_NONE:
	case QUANTITY_REFUSED:
	case QUANTITY_OFFERED:
		break;
	}
	return NAN;
}

/* The mean of the last points of something that is told for each second. */
static double recent(const struct series *series, size_t at, enum quantity quantity)
{
	size_t first = at + 1 > MEAN_POINTS ? at + 1 - MEAN_POINTS : 0;
	double sum = 0;
	for (size_t i = first; i <= at; i++)
		sum += (double)(quantity == QUANTITY_REFUSED ? series->points[i].refused_per_s
							     : series->points[i].offered_per_s);
	return sum / (double)(at + 1 - first);
}

/* Something that is told as a sum since the start, per second. */
static double rate(const struct series *series, size_t at, enum quantity quantity)
{
	size_t first = at > MEAN_POINTS ? at - MEAN_POINTS : 0;
	double grown = 0, elapsed = series->points[at].t_s - series->points[first].t_s;
	for (int k = 0; k < series->pis; k++)
		grown += pi_value(&series->points[at].pi[k], quantity) -
			 pi_value(&series->points[first].pi[k], quantity);
	return elapsed > 0 ? grown / elapsed : 0;
}

static double all_pis(const struct series *series, size_t at, enum quantity quantity,
		      double *ret_low, double *ret_high)
{
	double sum = NAN, low = NAN, high = NAN;
	for (int k = 0; k < series->pis; k++) {
		double value = pi_value(&series->points[at].pi[k], quantity);
		if (isnan(value))
			continue;
		sum = isnan(sum) ? value : sum + value;
		low = fmin(low, value);
		high = fmax(high, value);
	}
	*ret_low = low;
	*ret_high = high;
	switch (quantity) {
	case QUANTITY_HEADROOM:
	case QUANTITY_QUEUED: /* the same for every Pi */
		return low;
	case QUANTITY_WEIGHT:
	case QUANTITY_WEB:
	case QUANTITY_NONWEB:
	case QUANTITY_CACHE:
		return sum / series->pis;
	default:
		return sum;
	}
}

double quantity_at(const struct series *series, size_t at, enum quantity quantity, double *ret_low,
		   double *ret_high)
{
	double value;
	if (quantity == QUANTITY_GOOD)
		value = rate(series, at, quantity);
	else if (quantity == QUANTITY_REFUSED || quantity == QUANTITY_OFFERED)
		value = recent(series, at, quantity);
	else
		return all_pis(series, at, quantity, ret_low, ret_high);
	*ret_low = *ret_high = value;
	return value;
}
