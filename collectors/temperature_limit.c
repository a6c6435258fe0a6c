/* SPDX-License-Identifier: MIT */
/*
 * Who lowers the clock differs. On a Raspberry Pi it is the firmware, at 80 degrees, without a word
 * to the kernel (Raspberry Pi documentation, "Frequency management and thermal control"); what the
 * kernel knows there is only the critical temperature (90 to 110), at which it switches the board
 * off. The soft limit of a Pi 3B+ (60 degrees by default) is none here: it takes a seventh of the
 * clock, and such a board is above it most of the day. Elsewhere the kernel does it at the passive
 * trip points of the thermal zone, or the processor itself at the critical temperature of its chip.
 * None of these moves while a machine runs, so they are read once.
 */
#include "collectors/temperature_limit.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "agent/procfs.h"

#define RASPBERRY_PI_MILLI (80 * 1000)
/* THERMAL_MAX_TRIPS was 12 as long as there was a limit. */
#define TRIPS 12
/* The longest folder of a chip (collectors/sensors.h) and the longest file name below. */
#define PATH_SIZE 192

static int read_limit(int root_fd, const char *folder, const char *file, int64_t *ret_milli)
{
	char path[PATH_SIZE];
	char text[32];
	int64_t milli;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, file) >= sizeof(path) ||
	    procfs_read_path(root_fd, path, text, sizeof(text)) < 0 ||
	    procfs_integer(text, &milli) < 0 || milli < TEMPERATURE_LIMIT_LEAST_MILLI ||
	    milli > TEMPERATURE_LIMIT_MOST_MILLI)
		return -ENODATA;
	*ret_milli = milli;
	return 0;
}

/* The lowest trip point of a zone that is of that type. */
static int lowest_trip(int root_fd, const char *zone, const char *type, int64_t *ret_milli)
{
	int r = -ENODATA;

	for (int i = 0; i < TRIPS; i++) {
		char path[PATH_SIZE];
		char file[32];
		char found[16];
		int64_t milli;

		if ((size_t)snprintf(path, sizeof(path), "%s/trip_point_%d_type", zone, i) >=
			    sizeof(path) ||
		    procfs_read_line(root_fd, path, found, sizeof(found)) < 0)
			break; /* they are numbered without gaps */
		snprintf(file, sizeof(file), "trip_point_%d_temp", i);
		if (strcmp(found, type) != 0 || read_limit(root_fd, zone, file, &milli) < 0)
			continue;
		if (r < 0 || milli < *ret_milli)
			*ret_milli = milli;
		r = 0;
	}
	return r;
}

static bool is_raspberry_pi(int root_fd)
{
	static const char maker[] = "Raspberry Pi";
	char model[128];

	return procfs_read_line(root_fd, "proc/device-tree/model", model, sizeof(model)) > 0 &&
	       strncmp(model, maker, sizeof(maker) - 1) == 0;
}

int temperature_critical_find(int root_fd, const char *chip, const char *zone, int64_t *ret_milli)
{
	if (zone && lowest_trip(root_fd, zone, "critical", ret_milli) == 0)
		return 0;
	return chip ? read_limit(root_fd, chip, "temp1_crit", ret_milli) : -ENODATA;
}

int temperature_fan_find(int root_fd, const char *zone, int64_t *ret_milli)
{
	return zone ? lowest_trip(root_fd, zone, "active", ret_milli) : -ENODATA;
}

int temperature_limit_find(int root_fd, const char *chip, const char *zone, int64_t *ret_milli)
{
	bool pi = is_raspberry_pi(root_fd);
	int64_t milli;

	if (zone && lowest_trip(root_fd, zone, "passive", &milli) == 0 &&
	    !(pi && milli > RASPBERRY_PI_MILLI)) {
		*ret_milli = milli;
		return 0;
	}
	if (pi) {
		*ret_milli = RASPBERRY_PI_MILLI;
		return 0;
	}
	if ((chip && read_limit(root_fd, chip, "temp1_crit", &milli) == 0) ||
	    (chip && read_limit(root_fd, chip, "temp1_max", &milli) == 0) ||
	    (zone && lowest_trip(root_fd, zone, "critical", &milli) == 0)) {
		*ret_milli = milli;
		return 0;
	}
	return -ENODATA;
}
