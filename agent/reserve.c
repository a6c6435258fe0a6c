/* SPDX-License-Identifier: MIT */
/*
 * The reserve insures against a program that takes a lot of memory all of a sudden. A backup that has
 * just done so, and holds what it took, is not expected a second time: only the rest of the reserve
 * is kept while it is there. Never less than a part, for there may be another one; and not
 * before the growth has ended, because nobody knows how far it goes.
 */
#include "agent/reserve.h"

#include "agent/decay.h"
#include "agent/units.h"

/* So much is kept in any case. */
#define LEAST_PCT 55
/* What has been there for this long is usual: a half-life. */
#define USUAL_S 900
/* How fast the end of a growth is believed. */
#define BELIEVE_NS (8 * NS_PER_S)

int64_t reserve_update(struct reserve *reserve, int64_t reserve_bytes, int64_t left_bytes,
		       bool growing, int64_t elapsed_ns)
{
	int64_t ns = clamp_i64(elapsed_ns, 0, 10 * NS_PER_S);
	if (!reserve->primed || left_bytes >= reserve->usual_bytes) {
		*reserve = (struct reserve){.primed = true, .usual_bytes = left_bytes};
		return reserve_bytes;
	}
	decay_forget(&reserve->usual_bytes, &reserve->carry, left_bytes, USUAL_S, ns);
	int64_t taken = clamp_i64(reserve->usual_bytes - left_bytes, 0,
				  reserve_bytes / 100 * (100 - LEAST_PCT));
	if (taken < reserve->taken_bytes)
		reserve->taken_bytes = taken;
	else if (!growing)
		reserve->taken_bytes = decay_approach(reserve->taken_bytes, taken, ns, BELIEVE_NS);
	return reserve_bytes - reserve->taken_bytes;
}
