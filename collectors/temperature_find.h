/* SPDX-License-Identifier: MIT */
/* Where this machine tells the state of its SoC: one small file for each reading, kept open. */
#ifndef HOSTINGPI_TEMPERATURE_FIND_H
#define HOSTINGPI_TEMPERATURE_FIND_H

#include <stdbool.h>
#include <stdint.h>

/* The value of the key sensor with which the chip is chosen by its name. */
#define TEMPERATURE_AUTO "auto"
#define TEMPERATURE_REASON_SIZE 256

enum temperature_metric {
	SOC_TEMP,
	SOC_UNDERVOLTAGE,
	SOC_FREQ,
	SOC_THROTTLED,
	SOC_RP1_TEMP,
	SOC_FAN,
	SOC_SOURCES, /* those before are files */
	SOC_TEMP_LIMIT = SOC_SOURCES,
	SOC_TEMP_CRITICAL,
	SOC_METRICS,
};

/* One file with one number. */
struct temperature_source {
	int fd;	    /* negative: not found */
	bool fails; /* the last read did */
	char reason[TEMPERATURE_REASON_SIZE];
};

struct temperature_sources {
	struct temperature_source rows[SOC_SOURCES];
	bool limit_known, critical_known, fan_known;
	int64_t limit_milli, critical_milli;
	int64_t fan_milli; /* above it the fan has to turn */
};

/* Before anything else: nothing is open. */
void temperature_sources_init(struct temperature_sources *sources);
void temperature_sources_close(struct temperature_sources *sources);

static inline bool temperature_source_missing(const struct temperature_source *source)
{
	return source->fd < 0 || source->fails;
}

/*
 * Looks for all sources that are missing or fail, and notes the reason for those that are not found.
 * sensor: name of the hwmon chip of the processor, or TEMPERATURE_AUTO. ask_libsensors: only while
 * modules are opened.
 */
void temperature_find(struct temperature_sources *sources, int root_fd, const char *sensor,
		      bool ask_libsensors);

/* Reads the number. Returns 0, or negative errno with the reason noted. */
int temperature_source_read(struct temperature_source *source, int64_t *ret_value);

#endif
