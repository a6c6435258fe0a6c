/* SPDX-License-Identifier: MIT */
/*
 * What becomes old news. The state of this machine is told by its newest message: a new one about shedding,
 * the hard level or their end replaces those that still wait, so that nobody reads in the morning what went
 * on at night. A start or a daily summary replaces the one before, an incident one of its own kind.
 * Everything but an operator's message has an age at which it is no news any more.
 *
 * What may have arrived is repeated only for as long as the service knows a repetition (repeat_ns).
 *
 * When all places are taken, the oldest that is no operator's message makes room. An operator hears that
 * there is no room for his.
 *
 * The message that is being sent is left alone: it may be out already.
 *
 * A file is written to another name and renamed (a reader sees all of it or none), without fsync: on a
 * tmpfs there is nothing to wait for.
 */
#include "notifiers/post_outbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/units.h"
#include "notifiers/post_folder.h"

#define HOUR_NS (3600 * NS_PER_S)

#define STATES (1u << POST_SHED | 1u << POST_HARD | 1u << POST_NORMAL)

static const struct {
	unsigned replaces; /* mask of kinds that are old news then */
	int64_t age_ns;	   /* too old to be posted; 0: never */
} rules[POST_OUTBOX_KINDS] = {
	[POST_START] = {1u << POST_START, 6 * HOUR_NS},
	[POST_SHED] = {STATES, HOUR_NS},
	[POST_HARD] = {STATES, 6 * HOUR_NS},
	[POST_NORMAL] = {STATES, 6 * HOUR_NS},
	[POST_INCIDENT] = {1u << POST_INCIDENT, 24 * HOUR_NS},
	[POST_DAILY] = {1u << POST_DAILY, 12 * HOUR_NS},
	[POST_OPERATOR] = {0, 0},
};

static void name_of(uint32_t number, char name[static POST_NAME_SIZE])
{
	snprintf(name, POST_NAME_SIZE, "%08u.json", (unsigned)number);
}

void post_outbox_write(struct post_outbox *outbox, const char *name, const char *text,
		       size_t length)
{
	int result = outbox->fd < 0 ? 0 : post_folder_write(outbox->fd, name, text, length);

	if (result < 0)
		complaint_raise(&outbox->trouble,
				"post: cannot write to the outbox: %s; what waits is kept in "
				"memory only",
				strerrordesc_np(-result));
	else if (outbox->fd >= 0)
		complaint_clear(&outbox->trouble, "post: the outbox");
}

int post_outbox_read(const struct post_outbox *outbox, const char *name, char *buffer, size_t size)
{
	return outbox->fd < 0 ? -ENOENT : post_folder_read(outbox->fd, name, buffer, size);
}

void post_outbox_update(struct post_outbox *outbox, const struct post_message *message)
{
	char buffer[POST_FILE_SIZE], name[POST_NAME_SIZE];
	int length = post_message_format(message, buffer, sizeof(buffer));

	name_of(message->number, name);
	if (length > 0)
		post_outbox_write(outbox, name, buffer, (size_t)length);
}

void post_outbox_remove(struct post_outbox *outbox, struct post_message *message)
{
	size_t index = (size_t)(message - outbox->messages);
	char name[POST_NAME_SIZE];

	name_of(message->number, name);
	if (outbox->fd >= 0)
		unlinkat(outbox->fd, name, 0);
	outbox->count--;
	memmove(message, message + 1, (outbox->count - index) * sizeof(*message));
}

static void drop(struct post_outbox *outbox, struct post_message *message, const char *why)
{
	if (outbox->dropped)
		outbox->dropped(outbox->context, message, why);
	post_outbox_remove(outbox, message);
}

struct post_message *post_outbox_find(struct post_outbox *outbox, uint32_t number)
{
	for (size_t i = 0; i < outbox->count; i++) {
		if (outbox->messages[i].number == number)
			return &outbox->messages[i];
	}
	return NULL;
}

static void replace(struct post_outbox *outbox, const struct post_message *by)
{
	for (size_t i = outbox->count; i-- > 0;) {
		struct post_message *message = &outbox->messages[i];

		if (message->number != outbox->busy &&
		    rules[by->kind].replaces & 1u << message->kind &&
		    strcmp(message->about, by->about) == 0)
			drop(outbox, message, "superseded");
	}
}

void post_outbox_expire(struct post_outbox *outbox, int64_t now_ns)
{
	for (size_t i = outbox->count; i-- > 0;) {
		struct post_message *message = &outbox->messages[i];
		int64_t age_ns = rules[message->kind].age_ns;

		if (message->number == outbox->busy)
			continue;
		if (age_ns && now_ns - message->created_ns >= age_ns)
			drop(outbox, message, "too old");
		else if (outbox->repeat_ns && message->maybe_ns &&
			 now_ns - message->maybe_ns >= outbox->repeat_ns)
			drop(outbox, message, "a repetition would be a second post");
	}
}

/* The oldest that may make room, or NULL. */
static struct post_message *find_droppable(struct post_outbox *outbox)
{
	for (size_t i = 0; i < outbox->count; i++) {
		if (outbox->messages[i].kind != POST_OPERATOR &&
		    outbox->messages[i].number != outbox->busy)
			return &outbox->messages[i];
	}
	return NULL;
}

int post_outbox_add(struct post_outbox *outbox, const struct post_message *message, int64_t now_ns)
{
	struct post_message *place, *old;

	post_outbox_expire(outbox, now_ns);
	replace(outbox, message);
	if (outbox->count == POST_OUTBOX_PLACES) {
		old = message->kind == POST_OPERATOR ? NULL : find_droppable(outbox);
		if (!old)
			return -ENOSPC;
		drop(outbox, old, "no room");
	}
	place = &outbox->messages[outbox->count++];
	*place = *message;
	place->number = outbox->next++;
	post_outbox_update(outbox, place);
	return 0;
}

/* Behind those with a smaller number. */
static void insert(struct post_outbox *outbox, const struct post_message *message)
{
	size_t at = outbox->count++;

	for (; at > 0 && outbox->messages[at - 1].number > message->number; at--)
		outbox->messages[at] = outbox->messages[at - 1];
	outbox->messages[at] = *message;
}

/* What was found in the folder; false: it is to be removed. */
static bool take_file(void *context, uint32_t number, const char *bytes, size_t length,
		      char *ret_error, size_t size)
{
	struct post_outbox *outbox = context;
	struct post_message message;

	if (post_message_parse(bytes, length, &message, ret_error, size) < 0)
		return false;
	if (outbox->count == POST_OUTBOX_PLACES) {
		snprintf(ret_error, size, "there are more than %d", POST_OUTBOX_PLACES);
		return false;
	}
	message.number = number;
	insert(outbox, &message);
	if (number >= outbox->next)
		outbox->next = number + 1;
	return true;
}

void post_outbox_open(struct post_outbox *outbox, const char *run_dir, post_dropped_fn *dropped,
		      void *context)
{
	char error[160];

	outbox->dropped = dropped;
	outbox->context = context;
	outbox->next = 1;
	outbox->count = 0;
	outbox->busy = 0;
	outbox->fd = post_folder_open(run_dir, "outbox", error, sizeof(error));
	if (outbox->fd < 0) {
		outbox->fd = -1;
		log_warning("post: %s: messages that wait are kept in memory only", error);
	} else {
		post_folder_scan(outbox->fd, take_file, outbox);
	}
}

void post_outbox_close(struct post_outbox *outbox)
{
	if (outbox->fd >= 0)
		close(outbox->fd);
	outbox->fd = -1;
}
