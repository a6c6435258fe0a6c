/* SPDX-License-Identifier: MIT */
/*
 * What may answer `hostingpictl check`, fed in pieces of a size that the first byte chooses; and
 * what an operator may write for a host.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The program's own files: they are in no library. */
#include "agent/ctl/check_exit.c"
#include "agent/ctl/check_reply.c"
#include "agent/ctl/check_target.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise of a header that does not hold ends the run. */
static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void fuzz_answer(const struct check_answer *answer)
{
	struct check_result result = {.answered = true, .answer = *answer};
	int code = check_exit_code(CHECK_KEEPALIVED, &result);

	expect(answer->state < CONTROL_STATES);
	expect(answer->weight >= 1 && answer->weight <= 100);
	expect(answer->told_weight >= 1 && answer->told_weight <= 100);
	expect(answer->maxconn >= 0);
	expect(code >= 2 && code <= 102);
	for (const char *at = answer->reason; *at; at++)
		expect(*at >= ' ' && *at <= '~');
}

static void fuzz_reply(const char *data, size_t length, size_t piece)
{
	struct check_answer answer;
	struct check_reply reply;
	char error[256];
	int result = 0;

	check_reply_start(&reply);
	for (size_t at = 0; result == 0 && at < length; at += piece)
		result = check_reply_feed(&reply, data + at,
					  length - at < piece ? length - at : piece);
	if (result == 0)
		result = check_reply_feed(&reply, NULL, 0);
	expect(result == CHECK_REPLY_DONE || result == -EFBIG || result == -EPROTO ||
	       result == -ENODATA);
	if (result == CHECK_REPLY_DONE &&
	    check_reply_get(&reply, &answer, error, sizeof(error)) == 0)
		fuzz_answer(&answer);
}

static void fuzz_target(const char *text)
{
	struct check_target target;
	char error[CHECK_ERROR_SIZE] = "";

	if (check_target_parse(text, &target, error, sizeof(error)) < 0) {
		expect(error[0] != '\0');
		return;
	}
	expect(strpbrk(target.host, "\r\n /") == NULL && target.host[0] != '\0');
	expect(atoi(target.port) >= 1 && atoi(target.port) <= 65535);
	expect(target.named || target.addr.length > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	/* A copy of its own size, so that reading beyond it is seen. */
	char *text = malloc(size);
	expect(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] == 0)
		fuzz_target(text);
	else
		fuzz_reply(text, size - 1, data[0]);
	free(text);
	return 0;
}
