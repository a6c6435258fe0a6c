/* SPDX-License-Identifier: MIT */
/*
 * hostingpictl's end of the control socket: against the real server on the real loop in a child
 * process, and against servers that break every rule.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The program's own file: it is in no library. */
#include "agent/ctl/client.c"
#include "agent/ctl/document.c"
#include "agent/control.h"
#include "agent/json.h"
#include "agent/loop.h"

#define STATUS "{\"command\":\"status\"}"

struct fixture {
	char directory[32];
	char path[48];
	pid_t server; /* 0: none */
	struct client client;
};

/* The agent in the child: its state is whatever was asked for last. */
struct fake_agent {
	struct control_command command;
	int asked;
};

static int fake_document(void *context, const struct control_command *command, char *buffer,
			 size_t size, char *ret_error, size_t error_size)
{
	struct fake_agent *agent = context;
	struct json json;

	(void)command;
	(void)ret_error;
	(void)error_size;
	json_start(&json, buffer, size);
	json_object(&json, NULL);
	json_text(&json, "state", agent->command.verb == VERB_DRAIN ? "hold" : "normal");
	json_text(&json, "reason", agent->command.reason);
	json_int(&json, "asked", ++agent->asked);
	json_object_end(&json);
	return json_finish(&json);
}

static int fake_request(void *context, const struct control_command *command)
{
	struct fake_agent *agent = context;

	agent->command = *command;
	return 0;
}

_Noreturn static void serve(const char *run_dir, int ready_fd)
{
	static const struct control_ops ops = {.document = fake_document, .request = fake_request};
	struct fake_agent agent = {0};
	struct env env = {
		.run_dir = run_dir,
		.now_ns = loop_now_ns,
		.wall_ms = loop_wall_ms,
		.entropy = loop_entropy,
		.loop = loop_new(NULL),
	};

	if (env.loop == NULL || control_new(&env, &ops, &agent) == NULL)
		_exit(1);
	if (write(ready_fd, "", 1) != 1)
		_exit(1);
	loop_run(env.loop);
	_exit(0);
}

/* Starts the real server and waits until it listens. */
static void server_start(struct fixture *fixture)
{
	int fds[2];
	char byte;

	assert_int_equal(pipe(fds), 0);
	fixture->server = fork();
	assert_true(fixture->server >= 0);
	if (fixture->server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		serve(fixture->directory, fds[1]);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
}

static void server_kill(struct fixture *fixture)
{
	if (fixture->server <= 0)
		return;
	kill(fixture->server, SIGKILL);
	assert_int_equal(waitpid(fixture->server, NULL, 0), fixture->server);
	fixture->server = 0;
}

/* Listens without a loop: the kernel takes connections, nobody answers. */
static int listener_new(const struct fixture *fixture, int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, fixture->path);
	unlink(fixture->path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

/* A server that gives each caller the same bytes after its question, and hangs up. */
static void server_script(struct fixture *fixture, const char *bytes, size_t length)
{
	int listener = listener_new(fixture, 4);

	fixture->server = fork();
	assert_true(fixture->server >= 0);
	if (fixture->server > 0) {
		close(listener);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		char question[CONTROL_LINE_MAX];
		int fd = accept(listener, NULL, NULL);

		if (fd < 0 || recv(fd, question, sizeof(question), 0) < 0)
			_exit(1);
		for (size_t sent = 0; sent < length;) {
			ssize_t n = send(fd, bytes + sent, length - sent, MSG_NOSIGNAL);

			if (n < 0)
				break;
			sent += (size_t)n;
		}
		close(fd);
	}
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	strcpy(fixture->directory, "/tmp/hostingpi-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	snprintf(fixture->path, sizeof(fixture->path), "%s/control.sock", fixture->directory);
	client_init(&fixture->client, fixture->path);
	fixture->client.timeout_ms = 60000; /* a loaded machine is slow */
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	client_close(&fixture->client);
	server_kill(fixture);
	unlink(fixture->path);
	assert_int_equal(rmdir(fixture->directory), 0);
	free(fixture);
	return 0;
}

static void assert_says(const struct fixture *fixture, const char *part)
{
	if (strstr(fixture->client.error, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, fixture->client.error);
}

/* Asks the real server and returns how often it has been asked. */
static int ask_status(struct fixture *fixture, const char *state, const char *reason)
{
	cJSON *answer = NULL;
	double asked = 0;

	if (client_ask(&fixture->client, STATUS, &answer) != CTL_FINE)
		fail_msg("%s", fixture->client.error);
	assert_string_equal(document_text(answer, "state"), state);
	assert_string_equal(document_text(answer, "reason"), reason);
	assert_true(document_number(answer, "asked", &asked));
	cJSON_Delete(answer);
	return (int)asked;
}

static void test_real_server(void **state)
{
	struct fixture *fixture = *state;
	cJSON *answer = NULL;

	server_start(fixture);
	assert_int_equal(ask_status(fixture, "normal", ""), 1);
	assert_int_equal(ask_status(fixture, "normal", ""), 2);
	assert_int_equal(client_ask(&fixture->client,
				    "{\"command\":\"drain\",\"reason\":\"new card\"}", &answer),
			 CTL_FINE);
	assert_true(document_flag(answer, "ok"));
	cJSON_Delete(answer);
	assert_int_equal(ask_status(fixture, "hold", "new card"), 3);

	answer = NULL;
	assert_int_equal(client_ask(&fixture->client, "{\"command\":\"status\",\"reason\":\"x\"}",
				    &answer),
			 CTL_FAILED);
	assert_null(answer);
	assert_says(fixture, "the agent refused: \"reason\" belongs to");
	assert_int_equal(ask_status(fixture, "hold", "new card"), 4);
}

/* A watch goes on when the daemon is restarted, and says so while it is away. */
static void test_server_restarts(void **state)
{
	struct fixture *fixture = *state;
	cJSON *answer = NULL;

	server_start(fixture);
	ask_status(fixture, "normal", "");
	server_kill(fixture);
	assert_int_equal(client_ask(&fixture->client, STATUS, &answer), CTL_ABSENT);
	assert_says(fixture, "systemctl start hostingpid");
	assert_null(answer);
	server_start(fixture);
	assert_int_equal(ask_status(fixture, "normal", ""), 1);
}

/* A kept connection that the daemon has closed as idle is made anew, once. */
static void test_idle_connection(void **state)
{
	static const char answer_line[] = "{\"ok\":true}\n";
	struct fixture *fixture = *state;

	server_script(fixture, answer_line, strlen(answer_line));
	for (int i = 0; i < 3; i++) {
		cJSON *answer = NULL;

		assert_int_equal(client_ask(&fixture->client, STATUS, &answer), CTL_FINE);
		assert_true(document_flag(answer, "ok"));
		cJSON_Delete(answer);
	}
}

static void test_absent(void **state)
{
	struct fixture *fixture = *state;
	cJSON *answer = NULL;
	char path[200];

	assert_int_equal(client_ask(&fixture->client, STATUS, &answer), CTL_ABSENT);
	assert_says(fixture, "--socket");
	assert_says(fixture, fixture->path);
	close(listener_new(fixture, 1));
	assert_int_equal(client_ask(&fixture->client, STATUS, &answer), CTL_ABSENT);
	assert_says(fixture, "nobody listens");

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	fixture->client.path = path;
	assert_int_equal(client_ask(&fixture->client, STATUS, &answer), CTL_USAGE);
	fixture->client.path = "";
	assert_int_equal(client_ask(&fixture->client, STATUS, &answer), CTL_USAGE);
	assert_null(answer);
}

/* The mode of the socket decides; root has to become somebody else to see that. */
static void test_no_permission(void **state)
{
	struct fixture *fixture = *state;
	int listener = listener_new(fixture, 1), status;
	pid_t child;

	assert_int_equal(chmod(fixture->path, 0), 0);
	assert_int_equal(chmod(fixture->directory, 0755), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		cJSON *answer = NULL;

		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(1);
		_exit(client_ask(&fixture->client, STATUS, &answer) == CTL_ABSENT &&
				      strstr(fixture->client.error, "group hostingpi") != NULL
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(listener);
}

static void test_broken_answers(void **state)
{
	static char brackets[4000], endless[CLIENT_ANSWER_SIZE];
	const struct {
		const char *bytes;
		size_t length;
		const char *error;
	} rows[] = {
		{"", 0, "hung up"},
		{"{\"ok\":", 6, "in the middle of its answer"},
		{"{\"ok\":true}", 11, "in the middle of its answer"},
		{"\n", 1, "is not a JSON object"},
		{"hello\n", 6, "is not a JSON object"},
		{"[]\n", 3, "is not a JSON object"},
		{"{}\0{}\n", 6, "is not a JSON object"},
		{"\0\n", 2, "is not a JSON object"},
		{"{\"a\":1}}\n", 9, "is not a JSON object"},
		{"HTTP/1.1 400 Bad Request\r\n", 26, "is not a JSON object"},
		{"{\"error\":\"not now\"}\n", 20, "the agent refused: not now"},
		{"{\"error\":{\"a\":1}}\n", 18, "the agent refused: (without a reason)"},
		{"{\"error\":null}\n", 15, "the agent refused: (without a reason)"},
		{brackets, sizeof(brackets), "is not a JSON object"},
		{endless, sizeof(endless), "longer than 64 KiB"},
	};

	memset(brackets, '[', sizeof(brackets) - 1);
	brackets[sizeof(brackets) - 1] = '\n';
	memset(endless, ' ', sizeof(endless));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *fixture = *state;
		cJSON *answer = NULL;

		server_script(fixture, rows[i].bytes, rows[i].length);
		assert_int_equal(client_ask(&fixture->client, STATUS, &answer), CTL_FAILED);
		assert_says(fixture, rows[i].error);
		assert_null(answer);
		assert_int_equal(fixture->client.fd, -1);
		server_kill(fixture);
	}
}

/* Nobody takes the connection; then nobody even queues it. */
static void test_hanging_server(void **state)
{
	struct fixture *fixture = *state;
	int listener = listener_new(fixture, 0);
	struct client second;
	cJSON *answer = NULL;

	fixture->client.timeout_ms = 30;
	client_init(&second, fixture->path);
	second.timeout_ms = 60000;
	assert_int_equal(client_connect(&second, now_ms() + 1000), CTL_FINE);
	assert_int_equal(client_ask(&fixture->client, STATUS, &answer), CTL_FAILED);
	assert_says(fixture, "no answer within");

	/* Whoever watches may leave nevertheless. */
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "", 1), 1);
	second.interrupt_fd = fds[0];
	assert_int_equal(client_ask(&second, STATUS, &answer), CTL_INTERRUPTED);
	assert_null(answer);
	client_close(&second);
	close(fds[0]);
	close(fds[1]);
	close(listener);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_real_server),	   TEST(test_server_restarts), TEST(test_idle_connection),
		TEST(test_absent),	   TEST(test_no_permission),   TEST(test_broken_answers),
		TEST(test_hanging_server),
	};

	return cmocka_run_group_tests_name("hostingpictl: client", tests, NULL, NULL);
}
