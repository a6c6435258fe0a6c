/* SPDX-License-Identifier: MIT */
/*
 * What a web server may send: the first byte says what the rest is. An HTTP answer is fed in pieces
 * of a size that the second byte chooses, and its body goes on to the parser of status pages, as the
 * collector does it; or the rest is a body, or an url and a path of the configuration.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/status_answer.h"
#include "collectors/status_parse.h"
#include "collectors/status_places.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise of a header that does not hold ends the run. */
static void expect(int holds)
{
	if (!holds)
		abort();
}

static void fuzz_body(const char *body, size_t length)
{
	struct status_reading reading = {.kind = STATUS_KINDS};
	const char *why = NULL;
	int r = status_parse(body, length, &reading, &why);
	if (r != 0) {
		expect(why != NULL && reading.kind == STATUS_KINDS);
		return;
	}
	expect(why == NULL && reading.kind < STATUS_KINDS);
	/* Bounded: readings are summed up and multiplied with sizes. */
	expect(reading.busy >= 0 && reading.busy <= 2000000);
	expect(!reading.idle_known || (reading.idle >= 0 && reading.idle <= 1000000));
	expect(!reading.requests_known ||
	       (reading.requests >= 0 && reading.requests <= INT64_C(1) << 53));
}

static void fuzz_answer(const char *data, size_t length, size_t piece)
{
	struct status_answer answer = {.body = malloc(STATUS_ANSWER_MAX + 1)};
	int r = 0;
	expect(answer.body != NULL);
	status_answer_start(&answer);
	for (size_t at = 0; r == 0 && at < length; at += piece)
		r = status_answer_feed(&answer, data + at,
				       length - at < piece ? length - at : piece);
	if (r == 0) {
		r = status_answer_feed(&answer, NULL, 0);
		expect(r != 0);
	}
	expect(answer.interims <= STATUS_ANSWER_INTERIMS);
	if (r == STATUS_ANSWER_DONE && answer.status == HTTP_STATUS_OK)
		fuzz_body(answer.body, answer.body_length);
	free(answer.body);
}

static void fuzz_places(const char *url, size_t length)
{
	const char *path = memchr(url, '\0', length);
	struct places_wish wish = {.url = url, .path = path ? path + 1 : "", .kinds = 3};
	struct places places;
	struct place place;
	char error[256], name[PLACES_NAME_SIZE];
	if (places_make(&wish, &places, error, sizeof(error)) < 0)
		return;
	expect(places_first(&places, &place));
	do {
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
	switch (data[0] % 3) {
	case 0:
		fuzz_answer(text, length, (size_t)data[1] + 1);
		break;
	case 1:
		fuzz_body(text, length);
		break;
	default:
		fuzz_places(text, length);
		break;
	}
	free(text);
	return 0;
}
