/* SPDX-License-Identifier: MIT */
/*
 * Two ways to the same list of hwmon chips. libsensors knows what is a chip and honours what the
 * administrator wrote in sensors3.conf, but it insists on the real /sys, and opens a file for each
 * value that it reads. So it only finds and names the chips, when the agent starts; their files are
 * then kept open and read by the collector. Below another root, and whenever the agent looks again
 * later, the directories are read directly.
 *
 * libsensors speaks through hooks: complaints about its configuration would go to standard error, and
 * its fatal error (memory exhausted) would end the process. That one must not return either, so it
 * jumps out of the library, which is then left as it is.
 */
#include "collectors/sensors.h"

#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sensors/error.h>
#include <sensors/sensors.h>

#include "agent/log.h"
#include "agent/procfs.h"

/* Where sensor_fatal() goes; it has no context parameter. Valid inside sensor_chips_ask() only. */
static jmp_buf sensor_escape;

static void sensor_fatal(const char *procedure, const char *error)
{
	log_error("libsensors gave up in %s: %s", procedure, error);
	longjmp(sensor_escape, 1);
}

static void sensor_complain(const char *error, const char *file, int line)
{
	log_warning("libsensors: %s:%d: %s", file ? file : "its configuration", line, error);
}

/* Appends a chip; names or paths that do not fit are no kernel's, such a chip is left out. */
static int sensor_chips_add(struct sensor_chip *chips, int count, const char *name,
			    const char *path)
{
	struct sensor_chip *chip = &chips[count];

	if (strlen(name) >= sizeof(chip->name) || strlen(path) >= sizeof(chip->path)) {
		log_warning("hwmon chip at %s: name or path too long, left out", path);
		return count;
	}
	strcpy(chip->name, name);
	strcpy(chip->path, path);
	return count + 1;
}

static int sensor_chips_collect(struct sensor_chip *chips)
{
	const sensors_chip_name *chip;
	int count = 0;
	int number = 0;

	while ((chip = sensors_get_detected_chips(NULL, &number))) {
		if (count == SENSOR_CHIPS) {
			log_warning("more than %d hwmon chips: the others are left out",
				    SENSOR_CHIPS);
			break;
		}
		if (chip->prefix && chip->path && chip->path[0] == '/')
			count = sensor_chips_add(chips, count, chip->prefix, chip->path + 1);
	}
	return count;
}

int sensor_chips_ask(struct sensor_chip ret_chips[SENSOR_CHIPS])
{
	int count;
	int r;

	sensors_fatal_error = sensor_fatal;
	sensors_parse_error_wfn = sensor_complain;
	if (setjmp(sensor_escape) != 0)
		return -ENOMEM;
	r = sensors_init(NULL);
	if (r != 0) {
		log_info("libsensors finds nothing: %s", sensors_strerror(r));
		return -ENODEV;
	}
	count = sensor_chips_collect(ret_chips);
	sensors_cleanup();
	return count;
}

int sensor_chips_scan(int root_fd, struct sensor_chip ret_chips[SENSOR_CHIPS])
{
	int count = 0;

	if (!procfs_exists(root_fd, "sys/class/hwmon"))
		return 0;
	/* The kernel gives out the lowest free number; gaps are left where a driver went. */
	for (int i = 0; i < SENSOR_CHIPS; i++) {
		char path[64];
		char name[64];

		snprintf(path, sizeof(path), "sys/class/hwmon/hwmon%d/name", i);
		if (procfs_read_line(root_fd, path, name, sizeof(name)) <= 0)
			continue;
		*strrchr(path, '/') = '\0';
		count = sensor_chips_add(ret_chips, count, name, path);
	}
	return count;
}
