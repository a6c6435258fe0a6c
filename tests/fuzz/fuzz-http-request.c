/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a request, whole and in two pieces: what comes out is one of the documented codes, bounded and
 * printable, and the same either way.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "notifiers/http_accept.h"
#include "notifiers/http_reply.h"
#include "notifiers/http_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

/* A copy of the exact length, so that reading beyond it is seen. */
static enum http_progress take(struct http_request *request, const uint8_t *data, size_t length,
			       size_t *ret_used)
{
	char *copy = malloc(length + (length == 0));

	check(copy != NULL);
	memcpy(copy, data, length);
	enum http_progress progress = http_request_take(request, copy, length, ret_used);
	check(*ret_used <= length && (progress == HTTP_COMPLETE || *ret_used == length));
	free(copy);
	return progress;
}

static void check_inside(const struct http_request *request, const struct http_text *text)
{
	check(text->length == 0 ||
	      (text->bytes >= request->target &&
	       text->bytes + text->length <= request->target + request->target_length) ||
	      http_text_is(text, "/"));
}

static void check_outcome(const struct http_request *request)
{
	struct http_reply reply;
	struct http_text value;
	char head[HTTP_REPLY_HEAD_SIZE];

	for (const char *c = request->agent; *c; c++)
		check(*c >= ' ' && *c <= '~');
	check(strlen(request->agent) < HTTP_AGENT_SIZE);
	check(strlen(request->accept) < HTTP_ACCEPT_SIZE);
	http_accept_prefers(request->accept, "text/plain", "1", "text/html");
	if (request->status) {
		http_reply_refusal(&reply, request->status);
		check(http_reply_codes[http_reply_code(request->status)].status == request->status);
	} else {
		check_inside(request, &request->path);
		check_inside(request, &request->query);
		check(request->path.length > 0);
		check(!request->body || !request->keep_alive);
		if (http_request_query(request, "soft", &value))
			check_inside(request, &value);
		http_reply_text(&reply, 200, "%s", request->agent);
	}
	size_t length = http_reply_head(&reply, request, head);
	check(length > 4 && strcmp(head + length - 4, "\r\n\r\n") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request whole, pieces;
	size_t used, used_first, used_second = 0;

	if (size < 2)
		return 0;
	size_t cut = (size_t)(data[0] << 8 | data[1]) % (size - 1);
	data += 2;
	size -= 2;
	http_request_start(&whole);
	enum http_progress progress = take(&whole, data, size, &used);
	http_request_start(&pieces);
	enum http_progress again = take(&pieces, data, cut, &used_first);
	if (again == HTTP_OPEN)
		again = take(&pieces, data + cut, size - cut, &used_second);
	check(again == progress);
	if (progress == HTTP_OPEN)
		return 0;
	check(whole.status == pieces.status);
	check_outcome(&whole);
	if (whole.status)
		return 0;
	check(used == used_first + used_second);
	check(whole.keep_alive == pieces.keep_alive && whole.head == pieces.head);
	check(whole.body == pieces.body && whole.old == pieces.old);
	check(whole.path.length == pieces.path.length);
	check(memcmp(whole.path.bytes, pieces.path.bytes, whole.path.length) == 0);
	check(strcmp(whole.agent, pieces.agent) == 0 && strcmp(whole.accept, pieces.accept) == 0);
	return 0;
}
