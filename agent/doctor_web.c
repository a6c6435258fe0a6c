/* SPDX-License-Identifier: MIT */
/*
 * Servers that start a process per request fill the memory by their own limit, whatever a load balancer does:
 * Debian's is 150 for Apache. Threads are cheap and are not looked at. Only the plain places of Debian are read;
 * a limit that stands elsewhere is not found, and nothing is said.
 */
#include "agent/doctor_web.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "agent/procfs.h"

#define MB INT64_C(1000000)

struct limit {
	const char *server, *key, *restart;
	char path[256];
	int64_t workers;
};

/* The number behind the last line that begins with the key; 0: none. */
static int64_t find_number(const char *text, const char *key)
{
	size_t length = strlen(key);
	int64_t found = 0;

	while (*text) {
		const char *line = text + strspn(text, " \t");

		text += strcspn(text, "\n");
		text += *text == '\n';
		if (strncasecmp(line, key, length) != 0)
			continue;
		line += length;
		if (*line != ' ' && *line != '\t' && *line != '=')
			continue;
		line += strspn(line, " \t=");
		if (*line >= '0' && *line <= '9')
			found = strtoll(line, NULL, 10);
	}
	return found;
}

static void judge_limit(const struct agent *agent, const struct limit *limit,
			struct findings *findings)
{
	const struct verdict *verdict = &agent->judge.verdict;
	const struct decision *decision = &agent->judge.decision;
	struct finding *row;
	char what[80];

	if (limit->workers <= decision->nominal || verdict->worker_bytes <= 0)
		return;
	snprintf(what, sizeof(what), "%s = %lld", limit->key, (long long)limit->workers);
	/* More than there is of memory: the agent cannot help once all of them are at work. */
	row = doctor_add(findings,
			 limit->workers > verdict->total_bytes / verdict->worker_bytes
				 ? DOCTOR_ATTENTION
				 : DOCTOR_ADVICE,
			 "web", what, "");
	doctor_say(
		row,
		"%s may start %lld processes of about %lld MB; this machine has memory for %d: set it "
		"to %d in %s",
		limit->server, (long long)limit->workers, (long long)(verdict->worker_bytes / MB),
		decision->nominal, decision->nominal, limit->path);
	doctor_remedy(row, "%s", limit->restart);
}

static void read_limit(const struct agent *agent, struct limit *limit, struct findings *findings)
{
	char text[16384];

	if (procfs_read_path(agent->env.root_fd, limit->path + 1, text, sizeof(text)) <= 0)
		return;
	limit->workers = find_number(text, limit->key);
	judge_limit(agent, limit, findings);
}

/* Each folder below etc/php is a version of it. */
static void check_php(const struct agent *agent, struct findings *findings)
{
	int fd = procfs_open(agent->env.root_fd, "etc/php");
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		struct limit limit = {"PHP-FPM", "pm.max_children", "", "", 0};
		char restart[96];

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || strlen(entry->d_name) > 16)
			continue;
		snprintf(limit.path, sizeof(limit.path), "/etc/php/%.16s/fpm/pool.d/www.conf",
			 entry->d_name);
		snprintf(restart, sizeof(restart), "sudo systemctl restart php%.16s-fpm",
			 entry->d_name);
		limit.restart = restart;
		read_limit(agent, &limit, findings);
	}
	if (directory)
		closedir(directory);
	else if (fd >= 0)
		close(fd);
}

void doctor_web_check(const struct agent *agent, struct findings *findings)
{
	struct limit apache = {"Apache", "MaxRequestWorkers", "sudo systemctl restart apache2",
			       "/etc/apache2/mods-enabled/mpm_prefork.conf", 0};

	/* Without readings of memory there is nothing to compare with. */
	if (!agent->judge.verdict.known)
		return;
	read_limit(agent, &apache, findings);
	check_php(agent, findings);
}
