/* SPDX-License-Identifier: MIT */
/* A ring; the oldest event gives way. */
#include "agent/diary.h"

void diary_put(struct diary *diary, const struct event *event)
{
	diary->events[diary->next] = *event;
	diary->next = (diary->next + 1) % DIARY_EVENTS;
	if (diary->count < DIARY_EVENTS)
		diary->count++;
}

const struct event *diary_get(const struct diary *diary, size_t ago)
{
	if (ago >= diary->count)
		return NULL;
	return &diary->events[(diary->next + DIARY_EVENTS - 1 - ago) % DIARY_EVENTS];
}
