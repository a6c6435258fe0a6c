/* SPDX-License-Identifier: MIT */
/*
 * What became of messages is written down twice: as events, which the core takes at the next read, and as the
 * last attempts, which the status shows. Both have a fixed room: of more events than that only the counters
 * tell, and the oldest attempt makes room for the newest.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "notifiers/post_self.h"

void post_event(struct post *self, enum severity severity, const char *format, ...)
{
	char text[2 * EVENT_TEXT_SIZE];
	va_list args;

	if (self->event_count == POST_EVENTS)
		return; /* the counters tell of it all the same */
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	self->events[self->event_count].severity = severity;
	text_copy(self->events[self->event_count].text, EVENT_TEXT_SIZE, text);
	self->event_count++;
}

void post_remember(struct post *self, const struct post_message *message, const char *word,
		   const struct post_result *answer)
{
	struct post_attempt *attempt = &self->recent[self->recent_count++ % POST_RECENT];

	*attempt = (struct post_attempt){.kind = message->kind, .at_ms = env_wall_ms(self->env)};
	memcpy(attempt->id, message->id, sizeof(attempt->id));
	text_copy(attempt->result, sizeof(attempt->result), word);
	if (answer)
		attempt->answer = *answer;
}
