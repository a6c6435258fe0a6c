/* SPDX-License-Identifier: MIT */
/* A result also when a signal or the limit ends the program; each case in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "notifiers/post/interrupt.h"

#define LONG_MS 600000
#define OWN_END 7

static struct result result_of(const char *id, const char *detail)
{
	struct result result = {.id = id, .answer = {.result = ANSWER_RETRY}};
	strcpy(result.answer.detail, detail);
	return result;
}

/* Runs child with a pipe as its standard output. Returns its exit code and what it wrote. */
static int run(void (*child)(void), char *output, size_t size)
{
	int ends[2], status;
	size_t used = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		child();
		_exit(OWN_END);
	}
	close(ends[1]);
	while ((got = read(ends[0], output + used, size - 1 - used)) > 0)
		used += (size_t)got;
	output[used] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void assert_line(const char *output, const char *id, const char *detail)
{
	cJSON *line = cJSON_Parse(output);

	assert_non_null(line);
	assert_string_equal(cJSON_GetObjectItem(line, "id")->valuestring, id);
	assert_string_equal(cJSON_GetObjectItem(line, "result")->valuestring, "retry");
	assert_string_equal(cJSON_GetObjectItem(line, "detail")->valuestring, detail);
	assert_string_equal(strchr(output, '\n'), "\n");
	cJSON_Delete(line);
}

static void by_signal(void)
{
	struct result first = result_of("a", "before"), second = result_of("a", "later");

	interrupt_prepare(&first);
	interrupt_open(LONG_MS);
	interrupt_prepare(&second);
	raise(SIGTERM);
}

static void by_limit(void)
{
	struct result result = result_of("b", "out of time");

	interrupt_prepare(&result);
	interrupt_open(1);
	for (;;)
		pause();
}

static void too_late(void)
{
	struct result result = result_of("c", "never seen");

	interrupt_prepare(&result);
	interrupt_open(LONG_MS);
	interrupt_close();
	raise(SIGTERM);
	raise(SIGALRM);
}

static void test_ends(void **state)
{
	char output[4096];
	(void)state;

	assert_int_equal(run(by_signal, output, sizeof(output)), RESULT_EXIT_RETRY);
	assert_line(output, "a", "later");
	assert_int_equal(run(by_limit, output, sizeof(output)), RESULT_EXIT_RETRY);
	assert_line(output, "b", "out of time");
	assert_int_equal(run(too_late, output, sizeof(output)), OWN_END);
	assert_string_equal(output, "");
}

/* Whatever a service says fits into the line. */
static void test_longest_line(void **state)
{
	char id[65], line[RESULT_LINE_SIZE];
	struct route_address address = {.via = ROUTE_NAT64, .prefix = {.length = 96}};
	struct result result = {.id = id, .status = 599, .address = &address};
	(void)state;

	memset(id, 'i', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	memset(&address.prefix.address, 0xff, 12);
	result.answer.result = ANSWER_UNAUTHORISED;
	result.answer.retry_after_s = INT64_MIN;
	memset(result.answer.remote_id, 1, ANSWER_ID_SIZE - 1);
	memset(result.answer.detail, 1, ANSWER_DETAIL_SIZE - 1);
	assert_int_equal(result_format(&result, line, sizeof(line)), 0);
	assert_true(strlen(line) > 6 * (ANSWER_ID_SIZE + ANSWER_DETAIL_SIZE - 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_longest_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
