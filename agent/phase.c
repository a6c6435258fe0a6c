/* SPDX-License-Identifier: MIT */
/*
 * Agents that were started together, by the power coming back, would sample and publish together for
 * ever, and the broker would see all of them in one millisecond of each second. The hash of the id
 * spreads them over the interval, the same way after each restart. The clocks of the Pis need not
 * agree: where they do not, they are as far apart by chance.
 */
#include "agent/phase.h"

#include <string.h>

#include "agent/identity.h"
#include "agent/units.h"

int64_t phase_wait_ns(const char *id, int64_t interval_ns, int64_t wall_ms)
{
	int64_t interval_ms = interval_ns / NS_PER_MS;
	int64_t phase_ms = (int64_t)(identity_hash(0, id, strlen(id)) % (uint64_t)interval_ms);
	int64_t wait_ms = (phase_ms - wall_ms % interval_ms) % interval_ms;

	return (wait_ms > 0 ? wait_ms : wait_ms + interval_ms) * NS_PER_MS;
}
