/* SPDX-License-Identifier: MIT */
/*
 * Serving the control socket: what is answered, and that no client can hold up another one. Requests
 * are tested in test-control-parse.c, the file of the socket in test-control-socket.c.
 */
#include "tests/unit/control-fixture.h"

#include <fcntl.h>
#include <sys/resource.h>

#define STATUS "{\"command\":\"status\"}\n"
#define STATUS_ANSWER "{\"version\":\"1\"}\n"

static int setup(void **state)
{
	struct fixture *fixture;

	fixture_prepare(state);
	fixture = *state;
	fixture->control = fixture_open(fixture);
	assert_non_null(fixture->control);
	return 0;
}

/* Sends as much as the socket takes, letting the server work in between. */
static void client_send(int fd, const char *bytes, size_t length)
{
	for (size_t sent = 0; sent < length;) {
		ssize_t n = send(fd, bytes + sent, length - sent, MSG_NOSIGNAL);

		if (n < 0)
			assert_int_equal(errno, EAGAIN);
		else
			sent += (size_t)n;
		settle();
	}
}

/* What has been answered so far; "EOF" if the server has hung up. */
static const char *client_receive(int fd)
{
	static char text[4 * CONTROL_ANSWER_SIZE];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	settle();
	if (n < 0 && errno == EAGAIN)
		return "";
	if (n <= 0)
		return "EOF";
	text[n] = '\0';
	return text;
}

static const char *client_ask(int fd, const char *line)
{
	client_send(fd, line, strlen(line));
	return client_receive(fd);
}

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/* What the log says when this line is answered. */
static const char *log_of(int fd, const char *line)
{
	static char text[1024];
	int ends[2], saved = dup(STDERR_FILENO);

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	dup2(ends[1], STDERR_FILENO);
	client_ask(fd, line);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[1]);
	ssize_t n = read(ends[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(ends[0]);
	return text;
}

/* Who asked for a change, and for what; not who only looks. */
static void test_the_log_has_who_asked(void **state)
{
	struct fixture *fixture = *state;
	int fd = client_new(fixture);
	char who[64], line[128];

	snprintf(who, sizeof(who), " asked for by user id %u (process %d)", getuid(), getpid());
	assert_string_equal(log_of(fd, STATUS), "");
	assert_has(log_of(fd, "{\"command\":\"drain\",\"for_s\":60}\n"), who);
	snprintf(line, sizeof(line), "drain for 60 s%s\n", who);
	assert_has(log_of(fd, "{\"command\":\"drain\",\"for_s\":60}\n"), line);
	snprintf(line, sizeof(line), "drain%s: new card\n", who);
	assert_has(log_of(fd, "{\"command\":\"drain\",\"reason\":\"new card\"}\n"), line);
	snprintf(line, sizeof(line), "ready%s\n", who);
	assert_has(log_of(fd, "{\"command\":\"ready\"}\n"), line);
	snprintf(line, sizeof(line), "message%s: id-1\n", who);
	assert_has(log_of(fd, "{\"command\":\"message\",\"text\":\"hi\"}\n"), line);
	close(fd);
}

static void test_status_again_and_again(void **state)
{
	struct fixture *fixture = *state;
	int fd = client_new(fixture);

	for (int i = 1; i <= 3; i++) {
		assert_string_equal(client_ask(fd, STATUS), STATUS_ANSWER);
		assert_int_equal(fixture->agent.status_count, i);
	}
	close(fd);
}

static void test_drain_and_ready(void **state)
{
	struct fixture *fixture = *state;
	struct fake_agent *agent = &fixture->agent;
	int fd = client_new(fixture);

	assert_string_equal(client_ask(fd, "{\"command\":\"drain\",\"reason\":\"new card\"}\n"),
			    "{\"ok\":true}\n");
	assert_int_equal(agent->command.verb, VERB_DRAIN);
	assert_string_equal(agent->command.reason, "new card");
	assert_string_equal(client_ask(fd, "{\"command\":\"drain\"}\n"), "{\"ok\":true}\n");
	assert_string_equal(agent->command.reason, "");
	assert_string_equal(client_ask(fd, "{\"command\":\"ready\"}\n"), "{\"ok\":true}\n");
	assert_int_equal(agent->command.verb, VERB_READY);
	assert_int_equal(agent->request_count, 3);

	agent->result = -EBUSY;
	assert_has(client_ask(fd, "{\"command\":\"ready\"}\n"),
		   "{\"error\":\"Device or resource busy");
	close(fd);
}

static void test_message(void **state)
{
	struct fixture *fixture = *state;
	struct fake_agent *agent = &fixture->agent;
	int fd = client_new(fixture);

	assert_string_equal(client_ask(fd, "{\"command\":\"message\",\"text\":\"hi \xc3\xbc\"}\n"),
			    "{\"ok\":true,\"id\":\"id-1\"}\n");
	assert_string_equal(agent->text, "hi \xc3\xbc");
	assert_int_equal(agent->request_count, 0);
	assert_int_equal(agent->status_count, 0);

	agent->result = -ENOENT;
	assert_string_equal(client_ask(fd, "{\"command\":\"message\",\"text\":\"b\"}\n"),
			    "{\"error\":\"not \\\"now\\\"\"}\n");
	close(fd);
}

static void test_errors_do_not_end_it(void **state)
{
	struct fixture *fixture = *state;
	int fd = client_new(fixture);

	assert_has(client_ask(fd, "status\n"), "{\"error\":\"not a JSON object");
	assert_has(client_ask(fd, "\n"), "{\"error\":\"not a JSON object");
	assert_has(client_ask(fd, "{\"command\":\"stop\"}\n"), "events, drain, ready");
	assert_int_equal(fixture->agent.request_count, 0);
	assert_string_equal(client_ask(fd, STATUS), STATUS_ANSWER);
	close(fd);
}

static void test_status_that_does_not_fit(void **state)
{
	struct fixture *fixture = *state;
	int fd = client_new(fixture);

	/* The longest that fits leaves room for NUL, which the line end replaces. */
	memset(fixture->agent.status, 'x', CONTROL_ANSWER_SIZE - 2);
	assert_int_equal(strlen(client_ask(fd, STATUS)), CONTROL_ANSWER_SIZE - 1);
	memset(fixture->agent.status, 'x', CONTROL_ANSWER_SIZE - 1);
	assert_has(client_ask(fd, STATUS), "{\"error\":\"the answer does not fit");
	close(fd);
}

static void test_longest_line(void **state)
{
	struct fixture *fixture = *state;
	int fd = client_new(fixture);
	char line[CONTROL_LINE_MAX + 3];

	snprintf(line, sizeof(line), "%-*s\n", CONTROL_LINE_MAX, "{\"command\":\"status\"}");
	assert_string_equal(client_ask(fd, line), STATUS_ANSWER);
	snprintf(line, sizeof(line), "%-*s\n", CONTROL_LINE_MAX + 1, "{\"command\":\"status\"}");
	assert_has(client_ask(fd, line), "{\"error\":\"the line is too long");
	assert_string_equal(client_ask(fd, STATUS), STATUS_ANSWER);
	close(fd);
}

static void test_endless_line(void **state)
{
	struct fixture *fixture = *state;
	int flood = client_new(fixture), other = client_new(fixture);
	static char block[65536];

	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 16; i++) {
		client_send(flood, block, sizeof(block));
		assert_string_equal(client_ask(other, STATUS), STATUS_ANSWER);
	}
	/* It was told once, at the beginning; after the line end it may ask again. */
	assert_string_equal(client_receive(flood),
			    "{\"error\":\"the line is too long; a request has at most 4096 "
			    "bytes\"}\n");
	assert_string_equal(client_ask(flood, "\n" STATUS), STATUS_ANSWER);
	close(flood);
	close(other);
}

static void test_requests_in_one_packet(void **state)
{
	struct fixture *fixture = *state;
	int fd = client_new(fixture);
	const char *answer =
		client_ask(fd, STATUS STATUS "{\"command\":\"ready\"}\nnonsense\n" STATUS);

	assert_has(answer, STATUS_ANSWER STATUS_ANSWER "{\"ok\":true}\n{\"error\":\"not a JSON");
	assert_int_equal(fixture->agent.status_count, 3);
	/* And one request in many packets. */
	for (const char *at = STATUS; at[1] != '\0'; at++) {
		client_send(fd, at, 1);
		assert_string_equal(client_receive(fd), "");
	}
	assert_string_equal(client_ask(fd, "\n"), STATUS_ANSWER);
	close(fd);
}

static void test_end_of_stream_is_a_line_end(void **state)
{
	struct fixture *fixture = *state;
	int fd = client_new(fixture);

	client_send(fd, STATUS "{\"command\":\"ready\"}", strlen(STATUS) + 19);
	shutdown(fd, SHUT_WR);
	settle();
	assert_string_equal(client_receive(fd), STATUS_ANSWER "{\"ok\":true}\n");
	assert_string_equal(client_receive(fd), "EOF");
	close(fd);
}

/* One who asks and asks and never takes the answers is held back, then dropped. */
static void test_client_that_does_not_read(void **state)
{
	struct fixture *fixture = *state;
	int deaf = client_new(fixture), other = client_new(fixture);
	int served;

	memset(fixture->agent.status, 'x', CONTROL_ANSWER_SIZE - 2);
	for (;;) {
		if (send(deaf, STATUS, strlen(STATUS), MSG_NOSIGNAL) < 0)
			break;
		settle();
	}
	assert_int_equal(errno, EAGAIN);
	served = fixture->agent.status_count;
	settle();
	assert_int_equal(fixture->agent.status_count, served);
	strcpy(fixture->agent.status, "{\"version\":\"1\"}");
	assert_string_equal(client_ask(other, STATUS), STATUS_ANSWER);

	pass(CONTROL_IDLE_NS);
	assert_int_equal(send(deaf, STATUS, strlen(STATUS), MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	close(deaf);
	close(other);
}

static void test_client_that_leaves(void **state)
{
	struct fixture *fixture = *state;

	memset(fixture->agent.status, 'x', CONTROL_ANSWER_SIZE - 2);
	for (int i = 0; i < 3 * CONTROL_CLIENTS; i++) {
		int fd = client_new(fixture);

		/* Before it was looked at; in the middle of a request; without its answer. */
		send(fd, STATUS, i % 3 == 0 ? strlen(STATUS) : 5, MSG_NOSIGNAL);
		if (i % 3 == 1)
			settle();
		close(fd);
		settle();
	}
	/* No place was lost. */
	for (size_t i = 1; i < WATCHES; i++)
		assert_int_equal(watches[i].events, 0);
}

static void test_idle_limit(void **state)
{
	struct fixture *fixture = *state;
	int silent = client_new(fixture), dripping = client_new(fixture),
	    asking = client_new(fixture);

	for (int second = 1; second < 60; second++) {
		pass(NS_PER_S);
		if (second < 10) {
			client_send(dripping, "{", 1);
			assert_string_equal(client_receive(silent), "");
			assert_string_equal(client_receive(dripping), "");
		}
		assert_string_equal(client_ask(asking, STATUS), STATUS_ANSWER);
	}
	assert_string_equal(client_receive(silent), "EOF");
	assert_string_equal(client_receive(dripping), "EOF");
	close(silent);
	close(dripping);
	close(asking);
	settle();
	/* Without clients the timer stops. */
	pass(2 * CONTROL_IDLE_NS);
	assert_false(the_timer.armed);
}

static void test_all_places_taken(void **state)
{
	struct fixture *fixture = *state;
	int fds[CONTROL_CLIENTS], ninth;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		fds[i] = client_new(fixture);
	ninth = client_new(fixture);
	assert_has(client_receive(ninth), "{\"error\":\"all 8 places are taken");
	assert_string_equal(client_receive(ninth), "EOF");
	close(ninth);

	/* All of them ask, but the fourth: it makes room. */
	pass(2 * NS_PER_S);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (i != 3)
			assert_string_equal(client_ask(fds[i], STATUS), STATUS_ANSWER);
	ninth = client_new(fixture);
	assert_string_equal(client_ask(ninth, STATUS), STATUS_ANSWER);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		assert_string_equal(client_receive(fds[i]), i == 3 ? "EOF" : "");
		close(fds[i]);
	}
	close(ninth);
}

/* Out of descriptors the socket stays readable: the loop must not spin, and must come back. */
static void test_out_of_descriptors(void **state)
{
	struct fixture *fixture = *state;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), last = -1, next;
	struct rlimit before, few;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){.rlim_cur = 64, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	while ((next = dup(fd)) >= 0)
		last = next;
	assert_int_equal(connect(fd, (const struct sockaddr *)&fixture->address,
				 sizeof(fixture->address)),
			 0);
	assert_true(turn());
	assert_false(turn());
	for (int i = fd + 1; i <= last; i++)
		close(i);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	pass(NS_PER_S);
	settle();
	assert_string_equal(client_ask(fd, STATUS), STATUS_ANSWER);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_status_again_and_again, setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_the_log_has_who_asked, setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_drain_and_ready, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_message, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_errors_do_not_end_it, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_status_that_does_not_fit, setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_longest_line, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_endless_line, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_requests_in_one_packet, setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_end_of_stream_is_a_line_end, setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_client_that_does_not_read, setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(test_client_that_leaves, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_idle_limit, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_all_places_taken, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_out_of_descriptors, setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
