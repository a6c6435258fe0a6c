/* SPDX-License-Identifier: MIT */
/*
 * One message at a time, the oldest that may go first. An attempt is written down before it begins, so that
 * a life that is killed meanwhile does not take a new token for it, and the next one knows that it may have
 * arrived. What may have arrived is settled first: the pause between messages is not kept for it, as it is
 * the same one.
 *
 * Whatever the program does, the message's fate is one of the words of post_result.h: what it printed, if
 * that is a result about this message, otherwise how it ended.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/json.h"
#include "notifiers/post_self.h"

/* The program has the same limit and must have the time to say so. */
#define GRACE_NS (5 * NS_PER_S)
#define STAMP_NS (60 * NS_PER_S)

/* Daily and critical ones, and who asked for it himself, may have the last tokens. */
static bool has_reserve(const struct post_message *message)
{
	return message->kind == POST_DAILY || message->kind == POST_INCIDENT ||
	       message->kind == POST_OPERATOR;
}

static void take_stamp(const struct post *self, struct post_stamp *ret_stamp)
{
	struct stat st;

	*ret_stamp = (struct post_stamp){0};
	if (!self->facts.failing && stat(post_conf_credential_file(self->conf), &st) == 0)
		*ret_stamp = (struct post_stamp){st.st_ino, st.st_size, st.st_ctim};
}

static bool stamps_equal(const struct post_stamp *a, const struct post_stamp *b)
{
	return a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Somebody may have put new credentials there. Once a minute, and only while storage is well. */
static void look_at_credentials(struct post *self, int64_t now_ns)
{
	struct post_stamp stamp;

	if (!self->pace.hands || now_ns < self->stamp_due_ns)
		return;
	self->stamp_due_ns = now_ns + STAMP_NS;
	take_stamp(self, &stamp);
	if (stamps_equal(&stamp, &self->stamp))
		return;
	log_notice("post: the credential file is another one: trying again");
	post_pace_reset(&self->pace);
}

/* What "via nat64 64:ff9b::/96" is for people. */
static void describe_way(const struct post_result *result, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s%s", result->via[0] ? " via " : "", result->via,
		 result->prefix[0] ? " " : "", result->prefix);
}

static void remove_done(struct post *self, struct post_message *message,
			const struct post_result *result, int64_t now_ns)
{
	char way[64];

	describe_way(result, way, sizeof(way));
	if (result->word == POST_RESULT_REJECTED) {
		self->rejected++;
		post_event(self, SEVERITY_WARNING, "%s %s refused by the service: %s",
			   post_kind_words[message->kind], message->id, result->detail);
	} else {
		post_budget_gone(&self->budget, now_ns);
		if (result->word == POST_RESULT_POSTED)
			self->posted++;
		else
			self->duplicates++;
		post_event(self, SEVERITY_INFO, "%s %s %s%s%s%s", post_kind_words[message->kind],
			   message->id,
			   result->word == POST_RESULT_POSTED ? "posted" : "had arrived before",
			   result->remote_id[0] ? " as " : "", result->remote_id, way);
	}
	post_outbox_remove(&self->outbox, message);
	complaint_clear(&self->trouble, "post: the service");
}

/* It stays. Who has to do something hears of it once. */
static void keep_failed(struct post *self, struct post_message *message,
			const struct post_result *result, bool hands_before, int64_t now_ns)
{
	if (result->unsure)
		post_budget_gone(&self->budget, now_ns);
	else
		message->maybe_ns = self->sure_ns;
	text_copy(message->last, sizeof(message->last), post_result_words[result->word]);
	post_outbox_update(&self->outbox, message);
	if (!self->pace.hands) {
		complaint_raise(&self->trouble, "post: not sent: %s; it will be tried again",
				result->detail);
	} else if (!hands_before) {
		take_stamp(self, &self->stamp);
		self->stamp_due_ns = now_ns + STAMP_NS;
		post_event(self, SEVERITY_WARNING,
			   "%s: %s; nothing is posted until somebody mends that",
			   post_result_words[result->word], result->detail);
	}
}

static void conclude(struct post *self, const struct post_result *result, int64_t now_ns)
{
	struct post_message *message = post_outbox_find(&self->outbox, self->outbox.busy);
	bool hands_before = self->pace.hands;

	self->outbox.busy = 0;
	self->memory_changed = true;
	post_pace_result(&self->pace, result, now_ns, env_entropy(self->env));
	if (!message)
		return;
	post_remember(self, message, post_result_words[result->word], result);
	if (result->word == POST_RESULT_POSTED || result->word == POST_RESULT_DUPLICATE ||
	    result->word == POST_RESULT_REJECTED)
		remove_done(self, message, result, now_ns);
	else
		keep_failed(self, message, result, hands_before, now_ns);
}

/* How it ended, where it said nothing that can be understood. */
static void judge_end(const struct post *self, struct post_result *ret_result)
{
	const struct child *child = &self->child;
	char *detail = ret_result->detail;
	size_t size = sizeof(ret_result->detail);

	*ret_result = (struct post_result){.word = POST_RESULT_RETRY, .unsure = true};
	switch (child->end) {
	case CHILD_LATE:
		snprintf(detail, size, "hostingpi-post took longer than %lld s; may have arrived",
			 (long long)(self->conf->timeout / NS_PER_S));
		return;
	case CHILD_KILLED:
		snprintf(detail, size, "hostingpi-post was ended by signal %d; may have arrived",
			 child->code);
		return;
	case CHILD_EXITED:
	case CHILD_RUNS:
		break;
	}
	if (child->code == 2 || child->code == 127) {
		ret_result->word = POST_RESULT_UNUSABLE;
		ret_result->unsure = false;
		snprintf(detail, size,
			 child->code == 2 ? "hostingpi-post does not take its configuration: see "
					    "the log"
					  : "hostingpi-post cannot be started: see the log");
		return;
	}
	snprintf(detail, size,
		 "hostingpi-post ended with %d and without a result; may have arrived",
		 child->code);
}

static struct post_message *plan(struct post *self, int64_t now_ns);

void post_hear(struct post *self, int64_t now_ns)
{
	const struct post_message *message;
	struct post_result result;

	if (!child_step(&self->child, now_ns))
		return;
	message = post_outbox_find(&self->outbox, self->outbox.busy);
	if (!message ||
	    post_result_parse(self->child.output, self->child.used, message->id, &result) < 0)
		judge_end(self, &result);
	conclude(self, &result, now_ns);
	plan(self, now_ns); /* for the status: the next one begins at the next read */
}

static void on_child(void *context);

static void start_attempt(struct post *self, struct post_message *message, int64_t now_ns)
{
	static char input[POST_FILE_SIZE];
	struct post_result failed = {.word = POST_RESULT_RETRY};
	struct json json;
	int result;

	if (message->attempts++ == 0)
		post_budget_take(&self->budget, now_ns);
	self->sure_ns = message->maybe_ns;
	if (!message->maybe_ns)
		message->maybe_ns = now_ns; /* until the attempt has ended and says otherwise */
	post_outbox_update(&self->outbox, message);
	self->outbox.busy = message->number;
	self->memory_changed = true;
	json_start(&json, input, sizeof(input));
	json_object(&json, NULL);
	json_text(&json, "id", message->id);
	json_text(&json, "text", message->text);
	json_object_end(&json);
	result = json_finish(&json);
	if (result > 0)
		result = child_start(&self->child, self->env, &self->command, input, (size_t)result,
				     now_ns + self->conf->timeout + GRACE_NS, on_child, self);
	if (result == 0)
		return;
	snprintf(failed.detail, sizeof(failed.detail), "hostingpi-post cannot be started: %s",
		 strerrordesc_np(-result));
	conclude(self, &failed, now_ns);
}

/* The first that may go now; otherwise NULL, and when the first may. */
static struct post_message *pick(struct post *self, int64_t now_ns, int64_t *ret_when_ns)
{
	*ret_when_ns = INT64_MAX;
	for (size_t i = 0; i < self->outbox.count; i++) {
		if (self->outbox.messages[i].maybe_ns)
			return &self->outbox.messages[i];
	}
	for (size_t i = 0; i < self->outbox.count; i++) {
		struct post_message *message = &self->outbox.messages[i];
		int64_t when_ns = post_budget_when(&self->budget, has_reserve(message),
						   message->attempts > 0, now_ns);

		if (when_ns <= now_ns)
			return message;
		if (when_ns < *ret_when_ns)
			*ret_when_ns = when_ns;
	}
	return NULL;
}

static const char *why_paced(const struct post *self)
{
	if (!self->pace.hands)
		return "the last attempt failed";
	return "mend what the last result says, then reload hostingpid";
}

/* The message whose turn it is now, or NULL, with why and when the next attempt may be. */
static struct post_message *plan(struct post *self, int64_t now_ns)
{
	const struct post_weather weather = {
		.decided = self->decided,
		.state = self->decision.state,
		.failing = self->facts.failing,
		.headroom_known = self->facts.headroom_bytes.known,
		.headroom_bytes = self->facts.headroom_bytes.value,
		.clock_synced = env_wall_synced(self->env),
	};
	struct post_message *message;
	int64_t when_ns;

	self->next_ns = 0;
	self->why = self->child.pid ? "one is being sent" : NULL;
	if (self->child.pid || self->stopping || self->outbox.count == 0)
		return NULL;
	self->why = post_pace_weather(&weather);
	if (self->why)
		return NULL;
	look_at_credentials(self, now_ns);
	self->next_ns = self->pace.until_ns;
	if (now_ns < self->pace.until_ns) {
		self->why = why_paced(self);
		return NULL;
	}
	message = pick(self, now_ns, &when_ns);
	if (message)
		return message;
	self->next_ns = when_ns;
	self->why = self->budget.gone && self->budget.last_ns + self->budget.gap_ns >= when_ns
			    ? "min_gap since the last message"
			    : "max_per_day is used up";
	return NULL;
}

void post_send(struct post *self, int64_t now_ns)
{
	struct post_message *message;

	post_hear(self, now_ns);
	message = plan(self, now_ns);
	if (!message)
		return;
	start_attempt(self, message, now_ns);
	plan(self, now_ns);
}

/* The next one at once, without waiting for the next second. */
static void on_child(void *context)
{
	struct post *self = context;
	int64_t now_ns = env_now_ns(self->env);

	post_send(self, now_ns);
	post_keep(self, now_ns);
}
