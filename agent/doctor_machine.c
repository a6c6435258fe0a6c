/* SPDX-License-Identifier: MIT */
/*
 * What is no reading, and makes the difference between a Pi that runs for years and one that does not: the
 * clock, what is written to the card all day, and where the agent keeps its files.
 */
#include "agent/doctor_machine.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "agent/memory_fs.h"
#include "agent/procfs.h"
#include "agent/settings.h"

enum doctor_clock doctor_clock(const struct agent *agent)
{
	struct timex timex = {.modes = 0};
	/* Of another root's machine nothing is known. */
	if (!agent->env.real_root || adjtimex(&timex) < 0)
		return DOCTOR_CLOCK_UNKNOWN;
	return timex.status & STA_UNSYNC ? DOCTOR_CLOCK_FREE : DOCTOR_CLOCK_KEPT;
}

/* Events, TLS and posts carry the time of day; a Pi without battery begins with a wrong one. */
static void check_clock(const struct agent *agent, struct findings *findings)
{
	if (doctor_clock(agent) != DOCTOR_CLOCK_FREE)
		return;
	doctor_remedy(
		doctor_add(findings, DOCTOR_ATTENTION, "clock", "not synchronised",
			   "no time server keeps the clock right: enable systemd-timesyncd or "
			   "chrony, and let it reach a server"),
		"sudo timedatectl set-ntp true");
}

/* The device under the root file system, "" where it is none that a collector knows. */
static void root_device(const struct agent *agent, char *ret_name, size_t size)
{
	const struct state *state = agent->plant.state;
	const char *text, *reason;

	ret_name[0] = '\0';
	for (unsigned slot = 0; slot < state_count(state); slot++) {
		const struct metric *metric = state_metric(state, slot);
		if (metric->unit == UNIT_TEXT && strcmp(metric->group, "sd") == 0 &&
		    strcmp(metric->name, "device") == 0 &&
		    state_text(state, slot, env_now_ns(&agent->env), &text, &reason) == 0)
			snprintf(ret_name, size, "%s", text);
	}
}

static void check_swap(const struct agent *agent, struct findings *findings)
{
	struct readings readings;

	state_readings(agent->plant.state, env_now_ns(&agent->env), &readings);
	if (!readings_has(&readings, ROLE_SWAP_KIND) || readings.value[ROLE_SWAP_KIND] != SWAP_DISK)
		return;
	doctor_remedy(
		doctor_add(findings, DOCTOR_ADVICE, "swap", "swap is on the disk",
			   "compressed memory (zram) in front of it takes most of what would be "
			   "written there"),
		"sudo apt install zram-tools");
}

static bool file_says(int root_fd, const char *path, const char *line)
{
	char text[4096];
	size_t length = strlen(line);

	if (procfs_read_path(root_fd, path, text, sizeof(text)) <= 0)
		return false;
	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, line, length) == 0)
			return true;
	}
	return false;
}

static bool journal_is_volatile(int root_fd)
{
	static const char folder[] = "etc/systemd/journald.conf.d";
	static const char *const lines[] = {"Storage=volatile", "Storage=none"};
	bool found = false;
	int fd = procfs_open(root_fd, folder);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	char path[512];

	for (int i = 0; i < 2; i++)
		found |= file_says(root_fd, "etc/systemd/journald.conf", lines[i]);
	while (directory && (entry = readdir(directory))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		for (int i = 0; i < 2 && entry->d_name[0] != '.'; i++)
			found |= file_says(root_fd, path, lines[i]);
	}
	if (directory)
		closedir(directory);
	else if (fd >= 0)
		close(fd);
	return found;
}

static void check_journal(const struct agent *agent, struct findings *findings)
{
	char device[64];

	root_device(agent, device, sizeof(device));
	if (strncmp(device, "mmcblk", 6) != 0 || journal_is_volatile(agent->env.root_fd) ||
	    !procfs_exists(agent->env.root_fd, "var/log/journal"))
		return;
	doctor_remedy(
		doctor_add(findings, DOCTOR_ADVICE, "journal", "the journal is on the card",
			   "each line of it wears the card; in memory it is lost at a reboot"),
		"sudo install -d /etc/systemd/journald.conf.d && printf "
		"'[Journal]\\nStorage=volatile\\n' | sudo tee "
		"/etc/systemd/journald.conf.d/volatile.conf");
}

static void check_overcommit(const struct agent *agent, struct findings *findings)
{
	char text[16];

	if (procfs_read_line(agent->env.root_fd, "proc/sys/vm/overcommit_memory", text,
			     sizeof(text)) <= 0 ||
	    strcmp(text, "2") != 0)
		return;
	doctor_remedy(
		doctor_add(findings, DOCTOR_ADVICE, "memory", "vm.overcommit_memory = 2",
			   "programs are refused memory that is there: the weight will say that "
			   "all is well while requests fail"),
		"sudo sysctl vm.overcommit_memory=0");
}

static void check_run_dir(const struct agent *agent, const struct doctor_running *running,
			  struct findings *findings)
{
	struct statfs system;
	struct finding *row;

	if (!agent->env.real_root && running->word == DOCTOR_NONE)
		return;
	if (statfs(agent->run_dir, &system) < 0)
		return; /* the agent makes it, and says so if it cannot */
	if (!memory_fs_is(&system)) {
		row = doctor_add(findings, DOCTOR_ADVICE, "agent", "run_dir is on a disk", "");
		doctor_say(row,
			   "%s: so nothing is kept there over a restart, and there are no state "
			   "files; set [agent] run_dir to a folder of a tmpfs, such as below /run",
			   agent->run_dir);
	} else if (running->word == DOCTOR_NONE && access(agent->run_dir, W_OK) < 0) {
		row = doctor_add(findings, DOCTOR_ADVICE, "agent", "run_dir is somebody else's",
				 "");
		doctor_say(row,
			   "%s: this user may not write there: let systemd start the agent, or "
			   "set [agent] run_dir",
			   agent->run_dir);
	}
}

static void check_caller(const struct agent *agent, const struct doctor_running *running,
			 struct findings *findings)
{
	const char *path = agent->options.conf_path;
	bool usual = strcmp(path, SETTINGS_PATH) == 0;

	/* The running agent has told what it can read. */
	if (!agent->env.real_root || geteuid() == 0 || running->word == DOCTOR_RUNS)
		return;
	doctor_remedy(
		doctor_add(findings, DOCTOR_ADVICE, "user", "not looked at as root",
			   "some of what is missing may be there for the agent, which has more "
			   "rights than this user"),
		"sudo hostingpid --doctor%s%s", usual ? "" : " -c ", usual ? "" : path);
}

void doctor_machine_check(const struct agent *agent, const struct doctor_running *running,
			  struct findings *findings)
{
	check_clock(agent, findings);
	check_swap(agent, findings);
	check_journal(agent, findings);
	check_overcommit(agent, findings);
	check_run_dir(agent, running, findings);
	check_caller(agent, running, findings);
	if (strncmp(agent->identity.origin, "boot id", 7) == 0)
		doctor_add(
			findings, DOCTOR_ADVICE, "agent", "the name of this machine",
			"it has none that lasts and gets another one at each boot: set [agent] id");
}
