/* SPDX-License-Identifier: MIT */
/* Options and the choice of mode. */
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/again.h"
#include "agent/agent.h"
#include "agent/doctor.h"
#include "agent/log.h"
#include "agent/once.h"
#include "agent/settings.h"
#include "agent/version.h"

enum mode {
	MODE_RUN,
	MODE_TEST,
	MODE_ONCE,
	MODE_DOCTOR,
	MODE_REPLAY,
	MODE_DEFAULTS,
};

struct command_line {
	enum mode mode;
	struct options options;
	const char *replay_path;
	bool level_given;
	enum log_level level;
};

static const char usage_text[] =
	"usage: hostingpid [-c FILE] [--dry-run] [-l LEVEL] [--root DIR]\n"
	"       hostingpid [-c FILE] -t | --doctor [--json] | --once [--json]\n"
	"       hostingpid [-c FILE] --replay FILE | --defaults\n"
	"\n"
	"Keeps this Raspberry Pi web server in the hosting mix and out of swap.\n"
	"\n"
	"Look and go:\n"
	"      --doctor         what needs attention here, what to do, and what was found\n"
	"  -t, --test           check the configuration and print every error\n"
	"  -1, --once           print the readings\n"
	"      --json           with --once or --doctor: print JSON\n"
	"      --defaults       print a configuration with every key and its default\n"
	"      --replay FILE    what would have been decided on a recorded machine\n"
	"                       (CSV; -: standard input)\n"
	"\n"
	"Run:\n"
	"  -c, --config FILE    configuration (default " SETTINGS_PATH ",\n"
	"                       which may be missing)\n"
	"      --dry-run        decide and publish, but always tell balancers 100 %\n"
	"  -l, --log-level L    error, warning, notice (default), info or debug\n"
	"      --root DIR       read DIR/proc, DIR/sys, DIR/dev/kmsg, not the real ones\n"
	"\n"
	"  -V, --version        print the version\n"
	"  -h, --help           print this\n"
	"\n"
	"exit: 0 fine, 1 failed (--doctor: something needs attention), 2 wrong usage or\n"
	"configuration. Manual: man hostingpid, man hostingpi.conf\n";

enum {
	OPTION_DOCTOR = 256,
	OPTION_JSON,
	OPTION_REPLAY,
	OPTION_ROOT,
	OPTION_DRY_RUN,
	OPTION_DEFAULTS,
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"test", no_argument, NULL, 't'},
	{"once", no_argument, NULL, '1'},
	{"doctor", no_argument, NULL, OPTION_DOCTOR},
	{"json", no_argument, NULL, OPTION_JSON},
	{"replay", required_argument, NULL, OPTION_REPLAY},
	{"defaults", no_argument, NULL, OPTION_DEFAULTS},
	{"root", required_argument, NULL, OPTION_ROOT},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"log-level", required_argument, NULL, 'l'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static int usage_error(const char *message, const char *detail)
{
	fprintf(stderr, "hostingpid: %s%s; see 'hostingpid --help'\n", message, detail);
	return 2;
}

static int set_mode(struct command_line *line, enum mode mode)
{
	if (line->mode != MODE_RUN && line->mode != mode)
		return usage_error(
			"only one of -t, --doctor, --once, --defaults and --replay at a time", "");
	line->mode = mode;
	return -1;
}

/* Returns -1 to go on, else the exit code. */
static int take_option(struct command_line *line, int option)
{
	switch (option) {
	case 'c':
		line->options.conf_path = optarg;
		line->options.conf_given = true;
		return -1;
	case 't':
		return set_mode(line, MODE_TEST);
	case '1':
		return set_mode(line, MODE_ONCE);
	case OPTION_DOCTOR:
		return set_mode(line, MODE_DOCTOR);
	case OPTION_REPLAY:
		line->replay_path = optarg;
		return set_mode(line, MODE_REPLAY);
	case OPTION_DEFAULTS:
		return set_mode(line, MODE_DEFAULTS);
	case OPTION_JSON:
		line->options.json = true;
		return -1;
	case OPTION_ROOT:
		line->options.root = optarg;
		return -1;
	case OPTION_DRY_RUN:
		line->options.dry_run = true;
		return -1;
	case 'l':
		line->level_given = true;
		if (log_level_parse(optarg, &line->level) == 0)
			return -1;
		return usage_error("unknown log level ", optarg);
	case 'V':
		printf("hostingpid %s\n", hostingpi_version);
		return 0;
	case 'h':
		fputs(usage_text, stdout);
		return 0;
	default:
		return -1;
	}
}

/* What getopt found that is no option, or lacks its value. */
static int refuse(char **argv, int found)
{
	char letter[3] = {'-', (char)optopt, '\0'};
	const char *name = optopt > 0 && optopt < 0x80 ? letter : argv[optind - 1];

	return usage_error(found == ':' ? "a value is missing behind " : "unknown option ", name);
}

static int parse(int argc, char **argv, struct command_line *line)
{
	int option;
	/* ':': what is wrong is told here, and not by getopt. */
	while ((option = getopt_long(argc, argv, ":c:t1l:Vh", long_options, NULL)) != -1) {
		int r = option == '?' || option == ':' ? refuse(argv, option)
						       : take_option(line, option);
		if (r >= 0)
			return r;
	}
	if (optind < argc)
		return usage_error("unexpected argument ", argv[optind]);
	if (line->options.json && line->mode != MODE_ONCE && line->mode != MODE_DOCTOR)
		return usage_error("--json needs --once or --doctor", "");
	return -1;
}

static void print_note(void *context, const char *text)
{
	(void)context;
	printf("note: %s\n", text);
}

static int test_run(const struct options *options)
{
	static struct agent agent;
	int r;

	/* The files of another root's machine are not here. */
	if (settings_test(options->conf_path, !options->conf_given, !options->root,
			  agent_conf_error, NULL) != 0)
		return 2;
	r = agent_init(&agent, options);
	if (r == 0 && !options->root)
		settings_notes(agent.settings, print_note, NULL);
	if (r == 0)
		printf("%s: %s\n", options->conf_path,
		       access(options->conf_path, F_OK) == 0 ? "configuration OK"
							     : "not there; the defaults are OK");
	agent_free(&agent);
	return r;
}

static int run(const struct command_line *line)
{
	static struct agent agent;
	if (line->mode == MODE_TEST)
		return test_run(&line->options);
	if (line->mode == MODE_DEFAULTS) {
		settings_print_defaults(stdout);
		return 0;
	}

	struct again again = {0};
	if (line->mode == MODE_RUN)
		again_open(&again, line->options.conf_path);
	int r = agent_init(&agent, &line->options);
	bool bad = r == 2;
	if (r == 0) {
		switch (line->mode) {
		case MODE_RUN:
			r = agent_run(&agent);
			break;
		case MODE_ONCE:
			r = once_run(&agent);
			break;
		case MODE_DOCTOR:
			r = doctor_run(&agent);
			break;
		case MODE_REPLAY:
			r = replay_run(agent.settings, line->replay_path);
			break;
		case MODE_TEST:
		case MODE_DEFAULTS:
			break;
		}
	}
	bool started = agent.started;
	agent_free(&agent);
	if (r != 0 && !started)
		r = again_wait(&again, bad ? AGAIN_CONF_S : AGAIN_ELSE_S, r);
	return r;
}

/* What was printed must have arrived (a full disk, a closed pipe). */
static int finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	perror("hostingpid: standard output");
	return code ? code : 1;
}

/*
 * The rings and client slots are larger than this and mostly never used: mapped on their own they
 * are resident only where they were touched. The MQTT thread may be held up by a page of code on a
 * failing card while it holds a lock of its arena, and the loop must not wait for that: arenas of their
 * own for the threads.
 */
static void tune_malloc(void)
{
	mallopt(M_TOP_PAD, 4096); /* else the first 128 KiB come from the top all the same */
	mallopt(M_MMAP_THRESHOLD, 16 * 1024);
	mallopt(M_ARENA_MAX, 1 + THREAD_ARENAS);
}

/* Without one of the standard descriptors the next file opened would be taken for it. */
static void open_standard_descriptors(void)
{
	int fd;
	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	open_standard_descriptors();
	tune_malloc();
	struct command_line line = {
		.options.conf_path = SETTINGS_PATH,
		.level = LOG_LEVEL_NOTICE,
	};
	int r = parse(argc, argv, &line);
	if (r >= 0)
		return finish(r);
	/* Who looks once wants the readings; what is missing stands there with its reason. */
	if (line.mode != MODE_RUN && !line.level_given)
		line.level = LOG_LEVEL_ERROR;
	log_open(line.level);
	return finish(run(&line));
}
