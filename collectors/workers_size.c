/* SPDX-License-Identifier: MIT */
/*
 * Requests that need much memory come in waves, and after a restart or at night all workers are
 * small: what matters is how large they were when there was work. So the percentile of the moment
 * pulls the remembered size up within some ten seconds (one sample alone, of a single huge request,
 * does not) and down with a half-life of an hour. Steps are weighted with the time between them.
 */
#include "collectors/workers_size.h"

#include "agent/decay.h"
#include "agent/units.h"

#define RISE_TAU_NS (10 * NS_PER_S)
/* An hour / ln 2 */
#define FALL_TAU_NS (5194 * NS_PER_S)

int64_t workers_percentile(int64_t *values, size_t count)
{
	/* ceil(0.9 * count) from below is this one from above, counted from 1. */
	size_t rank = count - (count * 9 + 9) / 10 + 1;

	for (size_t i = 0; i < rank; i++) {
		size_t largest = i;
		for (size_t j = i + 1; j < count; j++)
			if (values[j] > values[largest])
				largest = j;
		int64_t value = values[largest];
		values[largest] = values[i];
		values[i] = value;
	}
	return values[rank - 1];
}

void workers_size_update(struct workers_size *size, int64_t *values, size_t count, int64_t now_ns)
{
	int64_t elapsed_ns = now_ns - size->last_ns;

	size->last_ns = now_ns;
	if (count == 0)
		return;
	int64_t now_bytes = workers_percentile(values, count);
	if (!size->known) {
		size->known = true;
		size->bytes = now_bytes;
		return;
	}
	if (elapsed_ns <= 0)
		return;
	size->bytes = decay_approach(size->bytes, now_bytes, elapsed_ns,
				     now_bytes > size->bytes ? RISE_TAU_NS : FALL_TAU_NS);
}

bool workers_size_get(const struct workers_size *size, int64_t *ret_bytes)
{
	if (!size->known)
		return false;
	*ret_bytes = size->bytes > WORKERS_SIZE_FLOOR ? size->bytes : WORKERS_SIZE_FLOOR;
	return true;
}
