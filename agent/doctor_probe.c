/* SPDX-License-Identifier: MIT */
/*
 * Modules that ask others do it each in a process of its own, all at the same time: a resolver that is silent,
 * or a library that waits, then takes nobody's time but its own, and is ended. What they find comes back
 * through pipes, in records that a pipe never splits (pipe(7): up to 4096 bytes).
 */
#include "agent/doctor_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Two names that do not resolve take five seconds each, one after the other. */
#define LIMIT_NS (8 * NS_PER_S)
#define PROBES 16

struct record {
	enum module_note note;
	char what[80];
	char sentence[MODULE_SENTENCE_SIZE];
};

struct probe {
	const char *module;
	pid_t pid;
	int fd; /* -1: it has ended */
};

static void send_record(void *context, enum module_note note, const char *what,
			const char *sentence)
{
	const int *fd = context;
	struct record record;

	memset(&record, 0, sizeof(record));
	record.note = note;
	snprintf(record.what, sizeof(record.what), "%s", what);
	text_copy(record.sentence, sizeof(record.sentence), sentence);
	(void)!write(*fd, &record, sizeof(record)); /* nobody reads: nobody wants to know */
}

static bool start(struct probe *probe, const struct module *module, const void *conf, bool running)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return false;
	probe->module = module->name;
	probe->pid = fork();
	if (probe->pid == 0) {
		close(fds[0]);
		/* Whatever becomes of the doctor. */
		alarm((unsigned)(2 * LIMIT_NS / NS_PER_S));
		module->probe(conf, running, send_record, &fds[1]);
		_exit(0);
	}
	close(fds[1]);
	probe->fd = fds[0];
	if (probe->pid > 0)
		return true;
	close(fds[0]);
	return false;
}

static void take_record(struct probe *probe, struct findings *findings)
{
	static const enum doctor_level levels[] = {[MODULE_GOOD] = DOCTOR_GOOD,
						   [MODULE_ADVICE] = DOCTOR_ADVICE,
						   [MODULE_TROUBLE] = DOCTOR_ATTENTION};
	struct record record;

	if (read(probe->fd, &record, sizeof(record)) == sizeof(record)) {
		doctor_say(doctor_add(findings, levels[record.note], probe->module, record.what,
				      ""),
			   "%s", record.sentence);
		return;
	}
	close(probe->fd);
	probe->fd = -1;
}

static void wait_for_all(const struct env *env, struct probe *probes, size_t count,
			 struct findings *findings)
{
	int64_t end_ns = env_now_ns(env) + LIMIT_NS;

	for (;;) {
		struct pollfd fds[PROBES];
		int64_t left_ns = end_ns - env_now_ns(env);
		size_t open = 0;

		for (size_t i = 0; i < count; i++) {
			fds[i] = (struct pollfd){.fd = probes[i].fd, .events = POLLIN};
			open += probes[i].fd >= 0;
		}
		if (!open || left_ns <= 0 ||
		    poll(fds, (nfds_t)count, (int)(left_ns / NS_PER_MS) + 1) <= 0)
			return;
		for (size_t i = 0; i < count; i++)
			if (fds[i].revents)
				take_record(&probes[i], findings);
	}
}

void doctor_probe(const struct agent *agent, bool running, struct findings *findings)
{
	struct probe probes[PROBES];
	size_t count = 0;

	for (size_t i = 0; i < agent->plant.count && count < PROBES; i++) {
		const struct module *module = agent->plant.instances[i].module;
		if (module->probe)
			count += start(&probes[count], module, agent->settings->confs[i], running);
	}
	wait_for_all(&agent->env, probes, count, findings);
	for (size_t i = 0; i < count; i++) {
		kill(probes[i].pid, SIGKILL);
		waitpid(probes[i].pid, NULL, 0);
		if (probes[i].fd < 0)
			continue;
		close(probes[i].fd);
		doctor_say(doctor_add(findings, DOCTOR_ATTENTION, probes[i].module,
				      "no answer in time", ""),
			   "section [%s] was not through with asking after %lld seconds: a "
			   "resolver or a server is silent",
			   probes[i].module, (long long)(LIMIT_NS / NS_PER_S));
	}
}
