/* SPDX-License-Identifier: MIT */
/*
 * "hostingpi events 1 BOOT", then a line for each event, oldest first: id, time, severity, kind, how many
 * numbers, each with its name, and the sentence, which goes on to the end of the line; "end".
 *
 * Names of numbers are constants of the modules, so those of an earlier life, maybe of another version, get a
 * place in the diary: each once.
 */
#include "agent/diary_image.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/procfs.h"
#include "agent/units.h"
#include "agent/utf8.h"

#define HEAD "hostingpi events 1 "
#define END "end\n"
#define BOOT_SIZE 40

/* A sentence on one line, which is UTF-8 whatever a module put into it. */
static void put_text(char *at, const char *text)
{
	bool valid = utf8_valid(text);

	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		*at++ = byte < ' ' || byte == 0x7f || (byte >= 0x80 && !valid) ? ' ' : *text;
	}
	*at = '\0';
}

static size_t format_event(const struct event *event, char *line)
{
	char sentence[EVENT_TEXT_SIZE];
	size_t count = 0, used;

	while (count < EVENT_VALUES && event->values[count].name)
		count++;
	used = (size_t)snprintf(line, DIARY_LINE_SIZE, "%" PRIu64 " %" PRId64 " %d %s %zu",
				event->id, event->ts_ms, (int)event->severity, event->kind, count);
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(line + used, DIARY_LINE_SIZE - used, " %.*s %" PRId64,
					 DIARY_NAME_SIZE - 1, event->values[i].name,
					 clamp_i64(event->values[i].value, -INT64_MAX, INT64_MAX));
	put_text(sentence, event->text);
	return used + (size_t)snprintf(line + used, DIARY_LINE_SIZE - used, " %s\n", sentence);
}

size_t diary_format(const struct diary *diary, const char *boot, char ret_text[DIARY_IMAGE_SIZE])
{
	size_t used = (size_t)sprintf(ret_text, HEAD "%.*s\n", BOOT_SIZE - 1, boot);

	for (size_t ago = diary->count; ago-- > 0;)
		used += format_event(diary_get(diary, ago), ret_text + used);
	memcpy(ret_text + used, END, sizeof(END));
	return used + sizeof(END) - 1;
}

/* Takes a word of small letters, digits, '-' and '_' and the blank behind it. False: there is none. */
static bool take_word(const char **text, char *ret_word, size_t size)
{
	size_t length = strspn(*text, "abcdefghijklmnopqrstuvwxyz0123456789-_");

	if (length == 0 || length >= size || (*text)[length] != ' ')
		return false;
	memcpy(ret_word, *text, length);
	ret_word[length] = '\0';
	*text += length + 1;
	return true;
}

static bool take_number(const char **text, int64_t least, int64_t most, int64_t *ret_value)
{
	char word[24];
	int64_t value;

	if (!take_word(text, word, sizeof(word)) || procfs_integer(word, &value) < 0 ||
	    value < least || value > most)
		return false;
	*ret_value = value;
	return true;
}

/* Its place in the diary; NULL: there is no more. */
static const char *keep_name(struct diary *diary, const char *name)
{
	for (size_t i = 0; i < DIARY_NAMES; i++) {
		if (!diary->names[i][0])
			return strcpy(diary->names[i], name);
		if (strcmp(diary->names[i], name) == 0)
			return diary->names[i];
	}
	return NULL;
}

static bool take_values(struct diary *diary, const char **text, struct event *event)
{
	char name[DIARY_NAME_SIZE];
	int64_t count, value;

	if (!take_number(text, 0, EVENT_VALUES, &count))
		return false;
	for (int64_t i = 0; i < count; i++) {
		if (!take_word(text, name, sizeof(name)) ||
		    !take_number(text, INT64_MIN, INT64_MAX, &value))
			return false;
		event->values[i] = (struct event_value){keep_name(diary, name), value};
		if (!event->values[i].name)
			return false;
	}
	return true;
}

/* One line without its end. */
static bool take_event(struct diary *diary, const char *line)
{
	struct event event = {0};
	int64_t id, severity;

	if (!take_number(&line, 1, INT64_MAX, &id) ||
	    !take_number(&line, 0, INT64_C(1) << 53, &event.ts_ms) ||
	    !take_number(&line, SEVERITY_INFO, SEVERITY_CRITICAL, &severity) ||
	    !take_word(&line, event.kind, sizeof(event.kind)) ||
	    !take_values(diary, &line, &event) || strlen(line) >= sizeof(event.text) ||
	    !utf8_valid(line))
		return false;
	for (const char *at = line; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return false;
	event.id = (uint64_t)id;
	event.severity = (enum severity)severity;
	strcpy(event.text, line);
	diary_put(diary, &event);
	return true;
}

/* The lines behind the first one. */
static int take_lines(struct diary *diary, const char *text)
{
	char line[DIARY_LINE_SIZE];

	for (size_t count = 0; strcmp(text, END) != 0; count++) {
		const char *end = strchr(text, '\n');
		size_t length = end ? (size_t)(end - text) : sizeof(line);

		if (length >= sizeof(line) || count == DIARY_EVENTS)
			return -EINVAL;
		memcpy(line, text, length);
		line[length] = '\0';
		if (!take_event(diary, line))
			return -EINVAL;
		text = end + 1;
	}
	return 0;
}

int diary_parse(struct diary *diary, const char *boot, const char *text)
{
	char head[sizeof(HEAD) + BOOT_SIZE + 1];
	int r = -EINVAL;

	snprintf(head, sizeof(head), HEAD "%.*s\n", BOOT_SIZE - 1, boot);
	if (strncmp(text, head, strlen(head)) == 0)
		r = take_lines(diary, text + strlen(head));
	else if (strncmp(text, HEAD, strlen(HEAD)) == 0)
		r = -ESTALE;
	if (r < 0)
		*diary = (struct diary){0};
	return r;
}
