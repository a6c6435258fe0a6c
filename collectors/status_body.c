/* SPDX-License-Identifier: MIT */
/*
 * Metrics begin with a comment of their format ("# HELP" or "# TYPE"). Once the first bytes have told
 * that, complete lines are taken out as soon as they are there.
 */
#include "collectors/status_body.h"

#include <errno.h>
#include <string.h>

#include "collectors/status_parse.h"

static const char *const signs[] = {"# HELP ", "# TYPE "};

#define SIGN_LENGTH 7

void status_body_start(struct status_body *body)
{
	body->length = 0;
	body->metrics = false;
	caddy_start(&body->caddy);
}

static void recognise(struct status_body *body)
{
	if (body->metrics || body->length < SIGN_LENGTH)
		return;
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (memcmp(body->text, signs[i], SIGN_LENGTH) == 0)
			body->metrics = true;
}

/* Hands on the complete lines and keeps the rest. */
static void take_lines(struct status_body *body)
{
	const char *line = body->text, *end = line + body->length, *next;
	while ((next = memchr(line, '\n', (size_t)(end - line)))) {
		caddy_line(&body->caddy, line, (size_t)(next - line));
		line = next + 1;
	}
	body->length = (size_t)(end - line);
	memmove(body->text, line, body->length);
}

int status_body_add(struct status_body *body, const char *data, size_t length)
{
	while (length > 0) {
		size_t room = STATUS_BODY_MAX - body->length;
		size_t piece = length < room ? length : room;
		if (piece == 0)
			return -EFBIG;
		memcpy(body->text + body->length, data, piece);
		body->length += piece;
		data += piece;
		length -= piece;
		recognise(body);
		if (body->metrics)
			take_lines(body);
	}
	return 0;
}

void status_body_end(struct status_body *body)
{
	body->text[body->length] = '\0';
}

int status_body_parse(const struct status_body *body, struct status_reading *ret_reading,
		      const char **ret_why)
{
	if (!body->metrics)
		return status_parse(body->text, body->length, ret_reading, ret_why);
	if (body->length > 0) {
		*ret_why = "the metrics end in the middle of a line";
		return -EBADMSG;
	}
	return caddy_finish(&body->caddy, ret_reading, ret_why);
}
