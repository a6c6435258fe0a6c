/* SPDX-License-Identifier: MIT */
/* A ring; the oldest event gives way. */
#include "agent/diary.h"

#include "agent/render.h"

/* What follows the events: ],"kept":64,"left_out":64}. */
#define TAIL_SIZE 40

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

int diary_render(const struct diary *diary, size_t count, char *buffer, size_t size)
{
	struct json json;
	size_t written = 0;

	if (count > diary->count)
		count = diary->count;
	json_start(&json, buffer, size);
	json_object(&json, NULL);
	json_array(&json, "events");
	while (written < count) {
		struct json before = json;

		render_event(&json, NULL, diary_get(diary, written));
		if (json.full || json.size - json.used < TAIL_SIZE) {
			json = before;
			break;
		}
		written++;
	}
	json_array_end(&json);
	json_int(&json, "kept", (int64_t)diary->count);
	json_int(&json, "left_out", (int64_t)(count - written));
	json_object_end(&json);
	return json_finish(&json);
}
