/* SPDX-License-Identifier: MIT */
/*
 * Swappiness, the kind of reclaim and what the machine does move the point at which swapping begins;
 * no table has them all. So the first time that pages go to a disk at a headroom that was thought to be
 * safe, what was left becomes a margin, and a bit more. It is learned at the beginning of an
 * episode only: while a machine swaps, its headroom rises because of it.
 */
#include "agent/margin.h"

#include "agent/decay.h"
#include "agent/units.h"

/* Added to the headroom at which swapping was seen, in percent of memory. */
#define MARGIN_EXTRA_PCT 3
/* A machine that swaps with more than this left does so for another reason: nothing is learned. */
#define MARGIN_MOST_PCT 25
#define MARGIN_FORGET_S (24 * 3600)
/* Swapping that begins again within this time is the same episode. */
#define EPISODE_NS (60 * NS_PER_S)

void margin_resume(struct margin *margin, int64_t bytes)
{
	margin->bytes = clamp_i64(bytes, 0, INT64_C(1) << 40);
}

int64_t margin_update(struct margin *margin, bool disk_swapping, int64_t headroom_bytes,
		      int64_t total_bytes, int64_t now_ns)
{
	if (margin->primed)
		decay_forget(&margin->bytes, &margin->carry, 0, MARGIN_FORGET_S,
			     now_ns - margin->last_ns);
	margin->primed = true;
	margin->last_ns = now_ns;
	int64_t most = total_bytes / 100 * MARGIN_MOST_PCT;
	margin->bytes = clamp_i64(margin->bytes, 0, most);
	if (!disk_swapping)
		return margin->bytes;
	bool begins = margin->swapped_ns == 0 || now_ns - margin->swapped_ns > EPISODE_NS;
	int64_t learned = headroom_bytes + total_bytes / 100 * MARGIN_EXTRA_PCT;
	if (begins && headroom_bytes > 0 && learned > margin->bytes && learned <= most)
		margin->bytes = learned;
	margin->swapped_ns = now_ns;
	return margin->bytes;
}
