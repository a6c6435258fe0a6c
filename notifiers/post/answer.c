/* SPDX-License-Identifier: MIT */
/*
 * One table by status code. Two rules behind it: nothing is called posted that the service did not
 * confirm with an id (a captive portal answers 200, too), and what only a person can mend is told
 * apart from what time mends. A text that may have arrived is sent again unchanged: X then says that
 * it is a duplicate, Mastodon recognises the idempotency key.
 */
#include "notifiers/post/answer.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/sample.h"

/* Where the service does not say when: a wrong address or a foreign redirect is mended by people. */
#define PERSON_S 3600
/* Where it may have arrived: while Mastodon still knows the key (an hour). */
#define SETTLE_S 600
/* A clock that is further off than that makes signatures invalid (X allows five minutes). */
#define CLOCK_S 120
#define RETRY_MOST_S 86400
/* Old codes of X (v1.1 and some answers of v2). */
#define X_DUPLICATE 187
#define X_ACCESS_LEVEL 453

const char *const answer_result_words[] = {
	"posted", "duplicate", "retry", "rejected", "unauthorised", "no_credit", NULL,
};

/* Headers */

static bool parse_number(const char *text, int64_t *ret_number)
{
	char *end;
	long long number;

	if (*text < '0' || *text > '9')
		return false;
	number = strtoll(text, &end, 10);
	if (*end || number > INT64_C(99999999999))
		return false;
	*ret_number = number;
	return true;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7) or "2026-11-21T12:00:00.000Z". */
static bool parse_time(const char *text, int64_t *ret_s)
{
	static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%Y-%m-%dT%H:%M:%S"};

	for (size_t i = 0; i < 2; i++) {
		struct tm tm = {0};
		const char *end = strptime(text, forms[i], &tm);
		if (!end)
			continue;
		if (i == 1 && *end == '.')
			end += 1 + strspn(end + 1, "0123456789");
		if (i == 1 && *end++ != 'Z')
			return false; /* other zones are not in use there */
		if (*end)
			return false;
		*ret_s = timegm(&tm);
		return true;
	}
	return false;
}

static void take_limit(struct answer_limit *limit, const char *name, const char *value)
{
	if (strcasecmp(name, "remaining") == 0)
		limit->remaining_known = parse_number(value, &limit->remaining);
	else if (strcasecmp(name, "reset") == 0)
		limit->reset_known =
			parse_number(value, &limit->reset_s) || parse_time(value, &limit->reset_s);
}

static void take_header(struct answer_headers *headers, const char *name, const char *value)
{
	static const char *const prefixes[ANSWER_LIMITS] = {
		[ANSWER_LIMIT_WINDOW] = "x-rate-limit-",
		[ANSWER_LIMIT_APP_DAY] = "x-app-limit-24hour-",
		[ANSWER_LIMIT_USER_DAY] = "x-user-limit-24hour-",
		[ANSWER_LIMIT_MASTODON] = "x-ratelimit-",
	};

	if (strcasecmp(name, "retry-after") == 0) {
		headers->retry_after_known = parse_number(value, &headers->retry_after_s);
		headers->retry_at_known = parse_time(value, &headers->retry_at_s);
	} else if (strcasecmp(name, "date") == 0) {
		headers->date_known = parse_time(value, &headers->date_s);
	}
	for (size_t i = 0; i < ANSWER_LIMITS; i++) {
		size_t length = strlen(prefixes[i]);
		if (strncasecmp(name, prefixes[i], length) == 0)
			take_limit(&headers->limits[i], name + length, value);
	}
}

void answer_header(struct answer_headers *headers, const char *line, size_t length)
{
	char text[256], *value;

	while (length > 0 && strchr("\r\n \t", line[length - 1]))
		length--;
	/* None of ours is that long; a NUL inside is nothing of ours either. */
	if (length >= sizeof(text) || memchr(line, '\0', length))
		return;
	memcpy(text, line, length);
	text[length] = '\0';
	value = strchr(text, ':');
	if (!value)
		return;
	*value++ = '\0';
	value += strspn(value, " \t");
	take_header(headers, text, value);
}

/* When the limits are over, in seconds from now; 0: they do not say. */
static int64_t wait_s(const struct answer_headers *headers, int64_t now_s)
{
	int64_t wait = headers->retry_after_known ? headers->retry_after_s : 0;

	if (headers->retry_at_known && headers->retry_at_s - now_s > wait)
		wait = headers->retry_at_s - now_s;
	for (size_t i = 0; i < ANSWER_LIMITS; i++) {
		const struct answer_limit *limit = &headers->limits[i];
		/* A limit of which something is left is not the one that was hit. */
		if (!limit->reset_known || (limit->remaining_known && limit->remaining > 0))
			continue;
		if (limit->reset_s - now_s > wait)
			wait = limit->reset_s - now_s;
	}
	return wait > RETRY_MOST_S ? RETRY_MOST_S : wait;
}

/* Bodies */

static const char *text_of(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	return cJSON_IsString(item) ? item->valuestring : NULL;
}

static const cJSON *first_error(const cJSON *body)
{
	return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(body, "errors"), 0);
}

/* What the service says is wrong, in its own words; NULL: nothing that we understand. */
static const char *complaint_of(const cJSON *body)
{
	static const char *const names[] = {"detail", "error_description", "error", "title"};
	const char *text = text_of(first_error(body), "message");

	for (size_t i = 0; !text && i < sizeof(names) / sizeof(*names); i++)
		text = text_of(body, names[i]);
	return text;
}

static int error_code(const cJSON *body)
{
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(first_error(body), "code");
	return cJSON_IsNumber(code) ? code->valueint : 0;
}

/* The id of the new post: X v2 {"data": {"id": ...}}, X v1.1 "id_str", Mastodon "id". */
static const char *id_of(enum post_service service, const cJSON *body)
{
	const char *id = text_of(cJSON_GetObjectItemCaseSensitive(body, "data"), "id");

	if (!id)
		id = text_of(body, "id_str");
	if (!id && service == POST_MASTODON)
		id = text_of(body, "id");
	return id;
}

static void copy_printable(char *target, size_t size, const char *text)
{
	text_copy(target, size, text);
	for (char *c = target; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	}
}

static void set(struct answer *answer, enum answer_result result, int64_t retry_after_s,
		const char *detail, const char *said)
{
	char text[2 * ANSWER_DETAIL_SIZE];

	answer->result = result;
	answer->retry_after_s = retry_after_s;
	if (said && said[0])
		snprintf(text, sizeof(text), "%s: %s", detail, said);
	else
		snprintf(text, sizeof(text), "%s", detail);
	copy_printable(answer->detail, sizeof(answer->detail), text);
}

static void judge_success(enum post_service service, const cJSON *body, struct answer *answer)
{
	const char *id = id_of(service, body);

	if (!id || !id[0]) {
		set(answer, ANSWER_RETRY, SETTLE_S,
		    "the message may have arrived: the answer says success but names no post (is "
		    "url right, is there a portal?)",
		    NULL);
		return;
	}
	set(answer, ANSWER_POSTED, 0, "", NULL);
	copy_printable(answer->remote_id, sizeof(answer->remote_id), id);
}

static bool contains(const char *text, const char *word)
{
	return text && strcasestr(text, word);
}

static void judge_forbidden(const cJSON *body, const char *said, struct answer *answer)
{
	int code = error_code(body);

	if (code == X_DUPLICATE || contains(said, "duplicate"))
		set(answer, ANSWER_DUPLICATE, 0, "the service has this text already", NULL);
	else if (code == X_ACCESS_LEVEL || contains(said, "permission") ||
		 contains(said, "scope") || contains(said, "access level") ||
		 contains(said, "suspended"))
		set(answer, ANSWER_UNAUTHORISED, 0,
		    "the account or application may not post (look at its permissions)", said);
	else
		set(answer, ANSWER_REJECTED, 0, "the service refuses this message", said);
}

static void judge_unauthorised(const struct answer_headers *headers, const char *said,
			       int64_t now_s, struct answer *answer)
{
	char text[96];
	int64_t off_s = headers->date_known ? now_s - headers->date_s : 0;

	if (off_s < -CLOCK_S || off_s > CLOCK_S) {
		snprintf(
			text, sizeof(text),
			"the signature is refused, and this clock is %lld s %s that of the service",
			(long long)(off_s < 0 ? -off_s : off_s), off_s < 0 ? "behind" : "ahead of");
		set(answer, ANSWER_RETRY, 300, text, NULL);
		return;
	}
	set(answer, ANSWER_UNAUTHORISED, 0,
	    "the service refuses the credentials (look at credential_file)", said);
}

void answer_judge(enum post_service service, int status, const struct answer_headers *headers,
		  const char *bytes, size_t length, int64_t now_s, struct answer *ret_answer)
{
	cJSON *body = cJSON_ParseWithLength(bytes ? bytes : "", bytes ? length : 0);
	const char *said = complaint_of(body);
	char text[64];

	*ret_answer = (struct answer){0};
	snprintf(text, sizeof(text), "HTTP %d", status);
	if (status == 200 || status == 201)
		judge_success(service, body, ret_answer);
	else if (status == 401)
		judge_unauthorised(headers, said, now_s, ret_answer);
	else if (status == 402)
		set(ret_answer, ANSWER_NO_CREDIT, 0, "the account has no credit left", said);
	else if (status == 403)
		judge_forbidden(body, said, ret_answer);
	else if (status == 400 || status == 413 || status == 422)
		set(ret_answer, ANSWER_REJECTED, 0, "the service refuses this message", said);
	else if (status == 429)
		set(ret_answer, ANSWER_RETRY, wait_s(headers, now_s), "too many messages", said);
	else if (status >= 500 && status != 503)
		/* What a gateway says, or what failed in the middle, does not say how far it came. */
		set(ret_answer, ANSWER_RETRY, wait_s(headers, now_s),
		    "the message may have arrived, but the service failed", said ? said : text);
	else if (status == 408 || status == 425 || status == 503)
		set(ret_answer, ANSWER_RETRY, wait_s(headers, now_s),
		    "the service cannot take it now", said ? said : text);
	else
		set(ret_answer, ANSWER_RETRY, PERSON_S, "not what a service answers: is url right?",
		    said ? said : text);
	cJSON_Delete(body);
}
