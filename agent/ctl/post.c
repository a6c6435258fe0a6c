/* SPDX-License-Identifier: MIT */
/*
 * The daemon answers at once: the message is queued, or why not. What becomes of it stands in the status
 * some time later, among the newest attempts and in the queue; that is what --wait looks at, twice a
 * second. A message that is in neither was lost sight of, which is said.
 */
#include "agent/ctl/post.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/ctl/document.h"
#include "agent/ctl/text.h"

#define POST "notifiers.post."
#define LOOK_NS 500000000

static bool is_queued(const cJSON *status, const char *id)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, document_find(status, POST "queue"))
	{
		if (cJSON_IsString(item) && strcmp(item->valuestring, id) == 0)
			return true;
	}
	return false;
}

/* The newest attempt with it; NULL if there was none, or too many since. */
static const cJSON *find_attempt(const cJSON *status, const char *id)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, document_find(status, POST "recent"))
	{
		const char *name = document_text(item, "id");

		if (name != NULL && strcmp(name, id) == 0)
			return item;
	}
	return NULL;
}

static const struct {
	const char *result;
	int exit;
} results[] = {
	{"posted", CTL_FINE},
	{"duplicate", CTL_FINE},
	{"rejected", POST_EXIT_REJECTED},
	{"dropped", POST_EXIT_REJECTED},
	{"unsure", CTL_FAILED},
	{"unauthorised", POST_EXIT_REFUSED},
	{"no_credit", POST_EXIT_REFUSED},
	{"unusable", POST_EXIT_REFUSED},
};

int post_judge(const cJSON *status, const char *id, char *ret_text, size_t size)
{
	const cJSON *attempt = find_attempt(status, id);
	const char *result = document_text(attempt, "result");
	const char *detail = document_text(attempt, "detail");
	const char *remote = document_text(attempt, "remote_id");
	const char *why = document_text(status, POST "why_waiting");
	size_t i = 0;

	if (attempt == NULL)
		detail = document_text(status, POST "last_result.detail");
	while (i < sizeof(results) / sizeof(results[0]) &&
	       (result == NULL || strcmp(result, results[i].result) != 0))
		i++;
	if (i < sizeof(results) / sizeof(results[0])) {
		snprintf(ret_text, size, "%s%s%s%s%s", result, remote != NULL ? " as " : "",
			 remote != NULL ? remote : "", detail != NULL ? ": " : "",
			 detail != NULL ? detail : "");
		return results[i].exit;
	}
	if (!is_queued(status, id)) {
		snprintf(ret_text, size, "it is not known what became of it: see the events");
		return CTL_FAILED;
	}
	snprintf(ret_text, size, "it stays in the queue: %s%s%s",
		 why != NULL ? why : "its turn comes", detail != NULL ? "; last attempt: " : "",
		 detail != NULL ? detail : "");
	return -1;
}

static int say(struct client *client, int code, const char *text)
{
	if (code != CTL_FINE)
		snprintf(client->error, sizeof(client->error), "%s", text);
	else if (puts(text) < 0)
		return CTL_FAILED;
	return code;
}

/* Says the last word: in words, or as the attempt itself where there is one. */
static int conclude(struct client *client, const struct post_order *order, const cJSON *status,
		    const char *id, int code, const char *text)
{
	const cJSON *attempt = find_attempt(status, id);
	char *json = order->json && attempt != NULL ? cJSON_PrintUnformatted(attempt) : NULL;

	if (json != NULL)
		puts(json);
	else
		return say(client, code, text);
	free(json);
	client->error[0] = '\0';
	return code;
}

static int wait_for(struct client *client, const struct post_order *order, const char *id)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	time_t end;
	struct timespec now;
	char text[256];

	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + order->timeout_s;
	for (;;) {
		cJSON *status = NULL;
		int code = (int)client_ask(client, "{\"command\":\"status\"}", &status);

		if (code != CTL_FINE)
			return code;
		code = post_judge(status, id, text, sizeof(text));
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (code < 0 && now.tv_sec >= end)
			code = POST_EXIT_WAITS;
		if (code >= 0) {
			code = conclude(client, order, status, id, code, text);
			cJSON_Delete(status);
			return code;
		}
		cJSON_Delete(status);
		nanosleep(&pause, NULL);
	}
}

static int queue(struct client *client, const struct post_order *order, cJSON **ret_answer)
{
	cJSON *request = cJSON_CreateObject();
	int code = CTL_FAILED;
	char *line;

	cJSON_AddStringToObject(request, "command", "message");
	cJSON_AddStringToObject(request, "text", order->text);
	line = cJSON_PrintUnformatted(request);
	cJSON_Delete(request);
	if (line == NULL)
		return say(client, CTL_FAILED, "out of memory");
	code = (int)client_ask(client, line, ret_answer);
	free(line);
	return code;
}

int post_run(struct client *client, const struct post_order *order)
{
	cJSON *answer = NULL;
	int code = queue(client, order, &answer);
	const char *name = document_text(answer, "id");
	char id[64], text[128];

	if (code != CTL_FINE)
		return code;
	snprintf(id, sizeof(id), "%s", name != NULL ? name : "");
	if (order->wait) {
		code = wait_for(client, order, id);
	} else if (order->json) {
		char *json = cJSON_PrintUnformatted(answer);
		code = json != NULL && puts(json) >= 0 ? CTL_FINE : CTL_FAILED;
		free(json);
	} else {
		snprintf(text, sizeof(text),
			 "queued as %s; hostingpictl status shows what becomes of it", id);
		code = say(client, CTL_FINE, text);
	}
	cJSON_Delete(answer);
	return code;
}
