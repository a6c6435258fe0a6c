/* SPDX-License-Identifier: MIT */
/*
 * What a web server may send: the first byte says what the rest is. An answer over HTTP, FastCGI or
 * the stats socket is fed in pieces of a size that the second byte chooses, and its body goes on to
 * the parser of status pages, as the collector does it; or the rest is a body, whole or (metrics of
 * Caddy) in such pieces; or an url and a path of the configuration.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/status_answer.h"
#include "collectors/status_places.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise of a header that does not hold ends the run. */
static void expect(int holds)
{
	if (!holds)
		abort();
}

static void fuzz_reading(const struct status_body *body)
{
	struct status_reading reading = {.kind = STATUS_KINDS};
	const char *why = NULL;
	int r = status_body_parse(body, &reading, &why);
	if (r != 0) {
		expect(why != NULL && reading.kind == STATUS_KINDS);
		return;
	}
	expect(why == NULL && reading.kind < STATUS_KINDS);
	/* Bounded: readings are summed up and multiplied with sizes. */
	for (unsigned field = 0; field < STATUS_FIELDS; field++)
		expect(!status_has(&reading, field) ||
		       (reading.value[field] >= 0 && reading.value[field] <= STATUS_TOTAL_MAX));
	expect(!status_has(&reading, STATUS_BUSY) ||
	       reading.value[STATUS_BUSY] <= 2 * STATUS_COUNT_MAX);
	expect(!status_has(&reading, STATUS_IDLE) ||
	       reading.value[STATUS_IDLE] <= STATUS_COUNT_MAX);
}

static void fuzz_body(const char *data, size_t length, size_t piece)
{
	struct status_body body = {.text = malloc(STATUS_BODY_MAX + 1)};
	int r = 0;
	expect(body.text != NULL);
	status_body_start(&body);
	for (size_t at = 0; r == 0 && at < length; at += piece)
		r = status_body_add(&body, data + at, length - at < piece ? length - at : piece);
	expect(r == 0 || r == -EFBIG);
	status_body_end(&body);
	if (r == 0)
		fuzz_reading(&body);
	free(body.text);
}

static void fuzz_answer(const char *data, size_t length, size_t piece,
			enum status_protocol protocol)
{
	struct status_answer answer = {.body.text = malloc(STATUS_BODY_MAX + 1)};
	int r = 0;
	expect(answer.body.text != NULL);
	status_answer_start(&answer, protocol);
	for (size_t at = 0; r == 0 && at < length; at += piece)
		r = status_answer_feed(&answer, data + at,
				       length - at < piece ? length - at : piece);
	if (r == 0) {
		r = status_answer_feed(&answer, NULL, 0);
		expect(r != 0);
	}
	expect(answer.interims <= STATUS_ANSWER_INTERIMS);
	if (r == STATUS_ANSWER_DONE && answer.status == HTTP_STATUS_OK)
		fuzz_reading(&answer.body);
	free(answer.body.text);
}

static void fuzz_places(const char *url, size_t length)
{
	const char *path = memchr(url, '\0', length);
	struct places_wish wish = {
		.url = url, .path = path ? path + 1 : "", .kinds = (1u << STATUS_KINDS) - 1};
	struct places places;
	struct place place;
	char error[256], name[PLACES_NAME_SIZE];
	if (places_make(&wish, &places, error, sizeof(error)) < 0)
		return;
	expect(places_first(&places, &place));
	do {
		char request[512];
		const char *text = places.paths[place.path].text;
		int n = fastcgi_request(request, sizeof(request), text);
		expect(n > 0 && n < (int)sizeof(request));
		expect(places_sought(&places, place) < STATUS_KINDS);
		places_name(&places, place, name);
		expect(strpbrk(name, "\r\n") == NULL);
		expect(strpbrk(places.endpoints[place.endpoint].host, "\r\n ") == NULL);
	} while (places_next(&places, false, &place));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	/* A copy of its own size, so that reading beyond it is seen. */
	size_t length = size - 2;
	char *text = malloc(length + 1);
	expect(text != NULL);
	memcpy(text, data + 2, length);
	text[length] = '\0';
	size_t piece = (size_t)data[1] + 1;
	switch (data[0] % 5) {
	case 0:
		fuzz_answer(text, length, piece, PROTOCOL_HTTP);
		break;
	case 1:
		fuzz_body(text, length, piece);
		break;
	case 2:
		fuzz_places(text, length);
		break;
	case 3:
		fuzz_answer(text, length, piece, PROTOCOL_FASTCGI);
		break;
	default:
		fuzz_answer(text, length, piece, PROTOCOL_CONSOLE);
		break;
	}
	free(text);
	return 0;
}
