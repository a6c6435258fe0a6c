/* SPDX-License-Identifier: MIT */
/*
 * The agent that runs here, asked over its control socket as hostingpictl does. It is the better witness: it
 * has rights that who calls the doctor may lack, and its configuration is the one that counts.
 *
 * Whether it should run is seen in systemd's folders, not asked of systemd: the doctor is for machines on which
 * something is wrong.
 */
#include "agent/doctor_running.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/version.h"

#define ANSWER_S 3
#define UNIT "hostingpid.service"

static int call(const char *run_dir)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = ANSWER_S};
	int fd, result;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", run_dir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	result = -errno;
	close(fd);
	return result;
}

/* Asks for the status; NULL if it does not come in time. */
static cJSON *ask(int fd)
{
	static const char request[] = "{\"command\":\"status\"}\n";
	char *answer = malloc(CONTROL_ANSWER_SIZE + 1);
	cJSON *document = NULL;
	size_t used = 0;
	ssize_t got = 1;

	if (answer && send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0) {
		while (used < CONTROL_ANSWER_SIZE && got > 0 && !memchr(answer, '\n', used)) {
			got = recv(fd, answer + used, CONTROL_ANSWER_SIZE - used, 0);
			used += got > 0 ? (size_t)got : 0;
		}
		document = cJSON_ParseWithLength(answer, used);
	}
	free(answer);
	return document;
}

static void take_text(const cJSON *object, const char *key, char *text, size_t size)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);

	snprintf(text, size, "%s", cJSON_IsString(member) ? member->valuestring : "");
}

void doctor_running_ask(const struct agent *agent, struct doctor_running *ret_running)
{
	struct doctor_running running = {.word = DOCTOR_NONE};
	int fd = call(agent->run_dir);

	if (fd == -EACCES || fd == -EPERM)
		running.word = DOCTOR_DENIED;
	else if (fd == -EAGAIN)
		running.word = DOCTOR_SILENT;
	if (fd >= 0) {
		running.document = ask(fd);
		close(fd);
		const cJSON *config = cJSON_GetObjectItemCaseSensitive(running.document, "config");
		const cJSON *started =
			cJSON_GetObjectItemCaseSensitive(running.document, "started");
		running.word = running.document ? DOCTOR_RUNS : DOCTOR_SILENT;
		take_text(running.document, "version", running.version, sizeof(running.version));
		take_text(config, "digest", running.digest, sizeof(running.digest));
		take_text(config, "path", running.conf_path, sizeof(running.conf_path));
		running.started_ms = cJSON_IsNumber(started) ? (int64_t)started->valuedouble : 0;
		running.dry_run =
			cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(running.document, "dry_run"));
	}
	/* Another root is another machine, unless just this configuration is at work on it here. */
	if (!agent->env.real_root && (running.word != DOCTOR_RUNS ||
				      strcmp(running.conf_path, agent->options.conf_path) != 0)) {
		doctor_running_free(&running);
		running = (struct doctor_running){.word = DOCTOR_NONE};
	}
	*ret_running = running;
}

void doctor_running_free(struct doctor_running *running)
{
	cJSON_Delete(running->document);
	running->document = NULL;
}

bool doctor_running_has(const struct doctor_running *running, const struct metric *metric)
{
	const cJSON *state = cJSON_GetObjectItemCaseSensitive(running->document, "state");
	const cJSON *group = cJSON_GetObjectItemCaseSensitive(state, metric->group);

	return (metric->name && cJSON_GetObjectItemCaseSensitive(group, metric->name)) ||
	       (metric->rate_name && cJSON_GetObjectItemCaseSensitive(group, metric->rate_name));
}

static bool exists(const struct agent *agent, const char *folder, const char *rest)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/systemd/system/%s", folder, rest);
	/* A link whose target is not below this root is one all the same. */
	return fstatat(agent->env.root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_installed(const struct agent *agent)
{
	static const char *const folders[] = {"etc", "lib", "usr/lib"};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (exists(agent, folders[i], UNIT))
			return true;
	return false;
}

static void check_absent(const struct agent *agent, struct findings *findings)
{
	struct finding *row;

	if (!agent->env.real_root)
		return;
	row = doctor_add(findings, DOCTOR_ATTENTION, "agent", "no agent is running here",
			 "nothing watches the memory of this machine, and load balancers get no "
			 "answer from it");
	if (is_installed(agent))
		doctor_remedy(row, "sudo systemctl enable --now hostingpid");
	else if (agent->options.conf_given)
		doctor_remedy(row, "hostingpid -c %s", agent->options.conf_path);
	else
		doctor_remedy(row, "hostingpid");
}

static void check_same(const struct agent *agent, const struct doctor_running *running,
		       struct findings *findings)
{
	struct finding *row;

	if (strcmp(running->version, hostingpi_version) != 0) {
		row = doctor_add(findings, DOCTOR_ATTENTION, "agent", "another version runs", "");
		doctor_say(row, "the agent that runs is %s, the program on disk %s: start it anew",
			   running->version, hostingpi_version);
		doctor_remedy(row, "sudo systemctl restart hostingpid");
	} else if (strcmp(running->conf_path, agent->options.conf_path) != 0) {
		row = doctor_add(findings, DOCTOR_ADVICE, "agent", "another configuration file",
				 "");
		doctor_say(row, "the agent that runs has read %s, this is about %s",
			   running->conf_path, agent->options.conf_path);
		doctor_remedy(row, "hostingpid --doctor -c %s", running->conf_path);
	} else if (strcmp(running->digest, agent->settings->digest) != 0) {
		row = doctor_add(findings, DOCTOR_ATTENTION, "agent",
				 "the configuration was changed",
				 "the agent still works with the one that it has read before");
		doctor_remedy(row, "sudo systemctl reload hostingpid");
	}
}

/* What a notifier of the agent that runs says of itself, in the members that all of them use alike. */
static void check_sink(const struct module *module, const cJSON *sink, struct findings *findings)
{
	const char *name = module->name;
	char error[MODULE_SENTENCE_SIZE], address[80];
	const cJSON *failed;

	take_text(sink, "last_error", error, sizeof(error));
	/* Who has a probe asks for himself, and knows the remedy. */
	if (error[0] && !module->probe)
		doctor_say(doctor_add(findings, DOCTOR_ATTENTION, name,
				      "the agent has trouble here", ""),
			   "%s", error);
	cJSON_ArrayForEach(failed, cJSON_GetObjectItemCaseSensitive(sink, "failed"))
	{
		take_text(failed, "address", address, sizeof(address));
		take_text(failed, "error", error, sizeof(error));
		doctor_say(doctor_add(findings, DOCTOR_ATTENTION, name,
				      "the agent does not listen on an address", ""),
			   "%s: %s; see listen in [%s]", address, error, name);
	}
}

static void check_sinks(const struct agent *agent, const struct doctor_running *running,
			struct findings *findings)
{
	const cJSON *sinks = cJSON_GetObjectItemCaseSensitive(running->document, "notifiers");

	for (size_t i = 0; i < agent->plant.count; i++) {
		const struct module *module = agent->plant.instances[i].module;
		const cJSON *sink = cJSON_GetObjectItemCaseSensitive(sinks, module->name);

		if (agent->plant.instances[i].notifier && sink)
			check_sink(module, sink, findings);
	}
}

void doctor_running_check(const struct agent *agent, const struct doctor_running *running,
			  struct findings *findings)
{
	struct finding *row;

	switch (running->word) {
	case DOCTOR_NONE:
		check_absent(agent, findings);
		return;
	case DOCTOR_DENIED:
		row = doctor_add(
			findings, DOCTOR_ADVICE, "agent", "the agent may not be asked",
			"one is running; who is in group hostingpi may ask it (log in anew "
			"after this)");
		doctor_remedy(row, "sudo usermod -aG hostingpi $USER");
		return;
	case DOCTOR_SILENT:
		row = doctor_add(findings, DOCTOR_ATTENTION, "agent", "the agent does not answer",
				 "one is running, and said nothing sensible in 3 seconds");
		doctor_remedy(row, "sudo systemctl restart hostingpid");
		return;
	case DOCTOR_RUNS:
		break;
	}
	check_same(agent, running, findings);
	check_sinks(agent, running, findings);
	if (running->dry_run)
		doctor_add(findings, DOCTOR_ADVICE, "agent", "it runs with --dry-run",
			   "load balancers are told that all is well, whatever happens: start it "
			   "without when you trust it");
	if (agent->env.real_root && is_installed(agent) &&
	    !exists(agent, "etc", "multi-user.target.wants/" UNIT))
		doctor_remedy(doctor_add(findings, DOCTOR_ATTENTION, "agent",
					 "it does not start at boot",
					 "it runs now, and will not after the next boot"),
			      "sudo systemctl enable hostingpid");
}
