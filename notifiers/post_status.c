/* SPDX-License-Identifier: MIT */
/* What is shown of posting: to `hostingpictl status` and `post --wait`, and to the doctor. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/credential.h"
#include "notifiers/credentials.h"
#include "notifiers/post_self.h"

static const char *or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static void put_attempt(struct json *json, const char *key, const struct post_attempt *attempt)
{
	json_object(json, key);
	json_text(json, "id", attempt->id);
	json_text(json, "kind", post_kind_words[attempt->kind]);
	json_int(json, "ts", attempt->at_ms);
	json_text(json, "result", attempt->result);
	if (attempt->answer.status)
		json_int(json, "status", attempt->answer.status);
	json_text(json, "remote_id", or_null(attempt->answer.remote_id));
	json_text(json, "detail", or_null(attempt->answer.detail));
	json_text(json, "via", or_null(attempt->answer.via));
	json_text(json, "prefix", or_null(attempt->answer.prefix));
	json_object_end(json);
}

/* Newest first. */
static void put_recent(struct json *json, const struct post *self)
{
	size_t count = self->recent_count < POST_RECENT ? self->recent_count : POST_RECENT;

	json_array(json, "recent");
	for (size_t i = 0; i < count; i++)
		put_attempt(json, NULL, &self->recent[(self->recent_count - 1 - i) % POST_RECENT]);
	json_array_end(json);
}

static void put_queue(struct json *json, const struct post *self)
{
	const struct post_outbox *outbox = &self->outbox;

	json_int(json, "waiting", (int64_t)outbox->count);
	if (outbox->count)
		json_int(json, "oldest", outbox->messages[0].created_ms);
	json_array(json, "queue");
	for (size_t i = 0; i < outbox->count; i++)
		json_text(json, NULL, outbox->messages[i].id);
	json_array_end(json);
}

void post_status(const void *context, struct json *json)
{
	const struct post *self = context;
	int64_t now_ns = env_now_ns(self->env);

	json_bool(json, "configured", self->conf->service != POST_NONE);
	if (self->off) {
		json_text(json, "why_waiting", self->off);
		return;
	}
	json_text(json, "service", post_service_words[self->conf->service]);
	json_text(json, "program", self->command.program);
	json_bool(json, "kept", self->outbox.fd >= 0 && !self->outbox.trouble.text[0]);
	put_queue(json, self);
	json_int(json, "posted", self->posted);
	json_int(json, "duplicates", self->duplicates);
	json_int(json, "rejected", self->rejected);
	json_int(json, "dropped", self->dropped);
	json_int(json, "unsure", self->unsure);
	json_text(json, "why_waiting", self->why);
	if (self->next_ns > now_ns)
		json_int(json, "next_attempt",
			 env_wall_ms(self->env) + (self->next_ns - now_ns) / NS_PER_MS);
	if (self->recent_count)
		put_attempt(json, "last_result",
			    &self->recent[(self->recent_count - 1) % POST_RECENT]);
	put_recent(json, self);
}

#define NAMES 4

/* Reads the file as the poster will; names: what must be in it, ended by NULL. */
static void inspect_credentials(const char *key, const char *path, const char *const *names,
				module_tell_fn *tell, void *context)
{
	char values[NAMES][POST_SECRET_SIZE], text[MODULE_SENTENCE_SIZE];
	struct credential rows[NAMES + 1] = {0};

	/* That none is set was said where the settings were checked. */
	if (!path[0] || credential_elsewhere(path))
		return;
	for (size_t i = 0; i < NAMES && names[i]; i++) {
		values[i][0] = '\0';
		rows[i] = (struct credential){names[i], values[i], sizeof(values[i])};
	}
	if (credentials_read(path, rows, text, sizeof(text)) < 0)
		tell(context, key, text);
	else
		for (const struct credential *row = rows; row->name; row++) {
			if (row->value[0])
				continue;
			snprintf(text, sizeof(text), "%s has no %s: add the line %s = ...", path,
				 row->name, row->name);
			tell(context, key, text);
		}
	explicit_bzero(values, sizeof(values));
}

static void inspect_ca(const char *key, const char *path, module_tell_fn *tell, void *context)
{
	char text[MODULE_SENTENCE_SIZE];

	if (!path[0] || access(path, R_OK) == 0 || credential_elsewhere(path))
		return;
	snprintf(text, sizeof(text), "%s: %s%s", path, strerrordesc_np(errno),
		 credential_advise(path, errno));
	tell(context, key, text);
}

const char *post_inspect(const void *settings, module_tell_fn *tell, void *context)
{
	static const char *const x_names[] = {"consumer_key", "consumer_secret", "token",
					      "token_secret", NULL};
	static const char *const mastodon_names[] = {"access_token", NULL};
	const struct post_conf *conf = settings;
	struct child_command command;
	char text[CHILD_PATH_SIZE + 64];

	if (conf->service == POST_NONE)
		return "nothing is posted: set service in section [post]";
	post_command_make(&command, conf->program, NULL);
	if (access(command.program, X_OK) < 0) {
		snprintf(text, sizeof(text), "%s: %s: install hostingpi-post, or set program",
			 command.program, strerrordesc_np(errno));
		tell(context, "program", text);
	}
	if (conf->service == POST_X) {
		inspect_credentials("credential_file of [x]", conf->x.credential_file, x_names,
				    tell, context);
		inspect_ca("ca_file of [x]", conf->x.ca_file, tell, context);
	} else {
		inspect_credentials("credential_file of [mastodon]", conf->mastodon.credential_file,
				    mastodon_names, tell, context);
		inspect_ca("ca_file of [mastodon]", conf->mastodon.ca_file, tell, context);
	}
	return NULL;
}
