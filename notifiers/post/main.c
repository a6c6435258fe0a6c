/* SPDX-License-Identifier: MIT */
/*
 * hostingpi-post: posts one message and ends. It makes one attempt; when and whether there is another
 * is the daemon's business. Addresses are tried in turn only as long as nothing of the request has
 * left: after that the message may have arrived, and only the service can say so, next time.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "agent/sample.h"
#include "agent/settings.h"
#include "agent/units.h"
#include "agent/version.h"
#include "notifiers/post/interrupt.h"
#include "notifiers/post/message.h"
#include "notifiers/post/request.h"
#include "notifiers/post/result.h"
#include "notifiers/post/text.h"
#include "notifiers/post/wire.h"

static const char usage_text[] =
	"usage: hostingpi-post [-c FILE] [--service x|mastodon] [--dry-run]\n"
	"\n"
	"Reads one message as JSON on standard input, {\"id\": \"...\", \"text\": \"...\"}, posts\n"
	"it and prints what became of it as JSON.\n"
	"\n"
	"      --dry-run       print the request, secrets masked, and send nothing\n"
	"      --service NAME  x or mastodon, instead of the one in [post]\n"
	"  -c, --config FILE   configuration (default " SETTINGS_PATH ")\n"
	"  -V, --version       print the version\n"
	"  -h, --help          print this\n"
	"\n"
	"Try it:  echo '{\"id\": \"a\", \"text\": \"Hello\"}' | hostingpi-post --dry-run\n"
	"\n"
	"exit: 0 posted, 75 try again later, 77 credentials or account refused,\n"
	"65 message refused, 74 nothing could be printed, 2 wrong usage or\n"
	"configuration. Manual: man hostingpi-post\n";

static const char ended_early[] = "ended, or out of time, before anything was sent";
/* libcurl sees to the time-out itself; this is for what comes before it. */
#define TIMEOUT_MARGIN_MS 500

struct options {
	const char *conf_path;
	bool conf_given;
	int service; /* POST_NONE: not given */
	bool dry_run;
};

/* Everything that outlives one function; too large for comfort on the stack. */
struct post {
	struct options options;
	struct post_conf conf;
	char input[MESSAGE_INPUT_SIZE + 2];
	struct message message;
	char text[MESSAGE_TEXT_SIZE];
	struct request_secrets secrets;
	struct request request;
	struct route route;
	struct wire_exchange exchange;
	struct result result;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

/* Secrets are in memory: no core file, and no other process of this user may look. */
static void harden(void)
{
	const struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	unsetenv("SSLKEYLOGFILE"); /* libcurl would write there what opens the connection */
}

static void on_conf_error(void *context, const char *message)
{
	(void)context;
	fprintf(stderr, "hostingpi-post: %s\n", message);
}

static int find_service(const char *name)
{
	for (int i = POST_X; i < POST_SERVICES; i++) {
		if (strcmp(post_service_words[i], name) == 0)
			return i;
	}
	return POST_NONE;
}

static int refuse(const char *what, const char *which)
{
	fprintf(stderr, "hostingpi-post: %s'%s'; see 'hostingpi-post --help'\n", what, which);
	return RESULT_EXIT_USAGE;
}

/* Of what was to be printed and nothing else: a full disk, a closed pipe. */
static int finish_output(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return RESULT_EXIT_FINE;
	perror("hostingpi-post: standard output");
	return RESULT_EXIT_OUTPUT;
}

/* Returns -1 to go on, or the exit code. */
static int parse_options(struct options *options, int argc, char **argv)
{
	enum { OPTION_SERVICE = 256, OPTION_DRY_RUN };
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"service", required_argument, NULL, OPTION_SERVICE},
		{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int option;

	*options = (struct options){.conf_path = SETTINGS_PATH};
	while ((option = getopt_long(argc, argv, ":c:hV", longs, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->conf_path = optarg;
			options->conf_given = true;
			break;
		case OPTION_SERVICE:
			options->service = find_service(optarg);
			if (options->service != POST_NONE)
				break;
			return refuse("--service must be x or mastodon, not ", optarg);
		case OPTION_DRY_RUN:
			options->dry_run = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return finish_output();
		case 'V':
			printf("hostingpi-post %s, %s\n", hostingpi_version, wire_library());
			return finish_output();
		case ':':
			return refuse("a value is missing behind ", argv[optind - 1]);
		default:
			return refuse("unknown option ", argv[optind - 1]);
		}
	}
	if (optind == argc)
		return -1;
	return refuse("the message is read from standard input, not from ", argv[optind]);
}

/* False if something is wrong, which was told. */
static bool load_conf(struct post *post)
{
	struct conf_section sections[8] = {{"post", post_conf_items, &post->conf}};
	size_t count = 1;
	char error[CONF_ERROR_SIZE];

	for (const struct conf_section *more = post_conf_more; more->name; more++)
		sections[count++] = (struct conf_section){more->name, more->items, &post->conf};
	conf_defaults(sections);
	sections[count] = (struct conf_section){.name = CONF_OTHERS};
	if (conf_read_all(post->options.conf_path, sections, !post->options.conf_given,
			  on_conf_error, NULL) != 0)
		return false;
	if (post->options.service != POST_NONE)
		post->conf.service = post->options.service;
	if (post_conf_check(&post->conf, error, sizeof(error)) < 0) {
		fprintf(stderr, "hostingpi-post: %s: %s%s\n", post->options.conf_path,
			error[0] == '[' ? "" : "[post] ", error);
		return false;
	}
	if (post->conf.service == POST_NONE)
		fprintf(stderr,
			"hostingpi-post: no service: set service in [post] of %s, or use "
			"--service\n",
			post->options.conf_path);
	return post->conf.service != POST_NONE;
}

static void conclude(struct post *post, enum answer_result result, const char *detail)
{
	post->result.answer.result = result;
	text_copy(post->result.answer.detail, sizeof(post->result.answer.detail), detail);
}

/* What is said if somebody ends the program from here on, or its time is over. */
static void expect_end(struct post *post, const char *detail)
{
	conclude(post, ANSWER_RETRY, detail);
	interrupt_prepare(&post->result);
}

/* The message from standard input, cut to what the service takes. False: concluded. */
static bool take_message(struct post *post)
{
	struct text_rules rules = text_rules_x;
	char error[ANSWER_DETAIL_SIZE];
	size_t length = fread(post->input, 1, sizeof(post->input) - 1, stdin);
	int result = message_parse(post->input, length, &post->message, error, sizeof(error));

	post->result.id = post->message.id;
	if (result < 0) {
		conclude(post, ANSWER_REJECTED, error);
		return false;
	}
	if (post->conf.service == POST_MASTODON) {
		rules = text_rules_mastodon;
		rules.limit = (size_t)post->conf.mastodon.max_length;
	}
	result = text_fit(&rules, post->message.text, post->text, sizeof(post->text));
	if (result < 0) {
		conclude(post, ANSWER_REJECTED,
			 result == -EILSEQ ? "text is not UTF-8" : "text cannot be taken");
		return false;
	}
	post->result.cut = result == TEXT_CUT;
	expect_end(post, ended_early);
	return true;
}

/* False: concluded. */
static bool make_request(struct post *post)
{
	char error[ANSWER_DETAIL_SIZE];

	if (request_read_secrets(&post->conf, &post->secrets, error, sizeof(error)) < 0) {
		conclude(post, ANSWER_UNAUTHORISED, error);
		return false;
	}
	if (request_make(&post->conf, &post->secrets, post->message.id, post->text, &post->request,
			 error, sizeof(error)) == 0)
		return true;
	conclude(post, ANSWER_RETRY, error);
	return false;
}

static void take_answer(struct post *post)
{
	const struct wire_exchange *exchange = &post->exchange;

	post->result.status = exchange->status;
	answer_judge((enum post_service)post->conf.service, exchange->status, &exchange->headers,
		     exchange->body, exchange->body_length, time(NULL), &post->result.answer);
}

static void send_request(struct post *post, int64_t until_ms)
{
	char error[2 * ANSWER_DETAIL_SIZE];

	if (route_find(post->request.host, post->conf.nat64.prefix, post->conf.nat64.dns64,
		       &post->route, error, sizeof(error)) < 0) {
		conclude(post, ANSWER_RETRY, error);
		return;
	}
	snprintf(error, sizeof(error), "no time left after the lookup");
	for (size_t i = 0; i < post->route.count; i++) {
		const struct route_address *address = &post->route.addresses[i];
		int64_t left_ms = until_ms - now_ms();

		if (left_ms < 1000)
			break;
		post->result.address = address;
		expect_end(post, "ended while it was under way; the message may have arrived");
		if (wire_send(&post->request, address, left_ms, &post->exchange) == 0) {
			take_answer(post);
			return;
		}
		/* What is wrong with the best way is what somebody may want to mend. */
		if (i == 0 || post->exchange.sent)
			snprintf(error, sizeof(error), "%s%s: %s", /* first what must not be cut */
				 post->exchange.sent ? "the message may have arrived; " : "",
				 address->text, post->exchange.error);
		if (post->exchange.sent)
			break;
		post->result.address = NULL;
		expect_end(post, ended_early);
	}
	if (post->route.note[0] && !post->result.address) {
		char with_note[sizeof(error) + ROUTE_REASON_SIZE + 4];
		snprintf(with_note, sizeof(with_note), "%s; %s", post->route.note, error);
		conclude(post, ANSWER_RETRY, with_note);
		return;
	}
	conclude(post, ANSWER_RETRY, error);
}

int main(int argc, char **argv)
{
	static struct post post;
	int64_t started_ms = now_ms();
	int code = parse_options(&post.options, argc, argv);

	if (code >= 0)
		return code;
	harden();
	if (!load_conf(&post))
		return RESULT_EXIT_USAGE;
	route_limit_resolver();
	post.result.id = "";
	expect_end(&post, ended_early);
	interrupt_open(post.conf.timeout / NS_PER_MS + TIMEOUT_MARGIN_MS);
	if (take_message(&post) && make_request(&post)) {
		if (post.options.dry_run) {
			interrupt_close();
			request_print(&post.request);
			request_free(&post.request);
			request_forget_secrets(&post.secrets);
			return finish_output();
		}
		if (wire_open() < 0)
			conclude(&post, ANSWER_RETRY, "libcurl cannot be started");
		else
			send_request(&post, started_ms + post.conf.timeout / NS_PER_MS);
	}
	interrupt_close();
	request_free(&post.request);
	request_forget_secrets(&post.secrets);
	if (result_print(&post.result) < 0)
		fprintf(stderr, "hostingpi-post: the result cannot be written\n");
	return (int)result_exit(&post.result);
}
