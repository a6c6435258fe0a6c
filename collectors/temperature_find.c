/* SPDX-License-Identifier: MIT */
/*
 * Everything is found by the name of its driver, because numbers change from boot to boot. hwmon
 * comes before thermal zones because it names the chip. What cannot be found or read is looked for
 * again later: a driver may be loaded later, or be loaded anew.
 */
#include "collectors/temperature_find.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/procfs.h"
#include "agent/sample.h"
#include "collectors/sensors.h"
#include "collectors/temperature_limit.h"

/* A PC has about 20 zones; a Pi has one. */
#define THERMAL_ZONES 32
/* A PC has one for each processor. */
#define COOLING_DEVICES 256

/*
 * Drivers whose temp1 is the processor, most wanted first: the Pi (and every SoC whose thermal zone
 * is cpu-thermal), other SoCs, then PCs, where this agent is developed and where it serves mixed
 * fleets. Never simply the first chip: rp1_adc on a Pi 5 is the I/O chip, nvme a disk.
 */
static const char *const chip_names[] = {
	"cpu_thermal", "soc_thermal", "cpu0_thermal", "coretemp", "k10temp", "zenpower", "k8temp",
};

/* The same as types of thermal zones; bcm2835_thermal is the Pi's before kernel 4.12. */
static const char *const zone_types[] = {
	"cpu-thermal",	"cpu_thermal",	   "soc-thermal",  "soc_thermal",
	"cpu0-thermal", "bcm2835_thermal", "x86_pkg_temp",
};

/* Readings that have exactly one place. */
static const struct {
	enum temperature_metric metric;
	const char *chip, *file, *reason;
} fixed[] = {
	/* Newer drivers also have in0_input to in3_input there: voltages of the core and the RAM. */
	{SOC_UNDERVOLTAGE, "rpi_volt", "in0_lcrit_alarm",
	 "no hwmon chip rpi_volt: needs a Raspberry Pi and its kernel"},
	{SOC_RP1_TEMP, "rp1_adc", "temp1_input",
	 NOT_APPLICABLE "no hwmon chip rp1_adc, which only a Pi 5 has"},
	{SOC_FAN, "pwmfan", "fan1_input",
	 NOT_APPLICABLE "no hwmon chip pwmfan, so no fan on the board's connector"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct search {
	struct temperature_sources *sources;
	int root_fd;
	const char *sensor;
	struct sensor_chip chips[SENSOR_CHIPS];
	int count;
};

/* Opens FOLDER/FILE as the source, and says so. */
static bool source_open(struct temperature_source *source, int root_fd, const char *folder,
			const char *file, const char *name)
{
	char path[sizeof(((struct sensor_chip *)0)->path) + 32];

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	source->fd = procfs_open(root_fd, path);
	if (source->fd < 0)
		return false;
	log_info("temperature: reads /%s (%s)", path, name);
	return true;
}

/* Opens FILE of the first chip of that name that has it. Returns the chip, or NULL. */
static const struct sensor_chip *find_in_chips(struct search *search,
					       enum temperature_metric metric, const char *name,
					       const char *file)
{
	for (int i = 0; i < search->count; i++)
		if (strcmp(search->chips[i].name, name) == 0 &&
		    source_open(&search->sources->rows[metric], search->root_fd,
				search->chips[i].path, file, name))
			return &search->chips[i];
	return NULL;
}

/* The folder of the most wanted thermal zone of a processor. Returns its type, or NULL. */
static const char *find_zone(int root_fd, char *ret_folder, size_t size)
{
	char types[THERMAL_ZONES][32];

	if (!procfs_exists(root_fd, "sys/class/thermal"))
		return NULL;
	for (int i = 0; i < THERMAL_ZONES; i++) {
		char path[64];

		snprintf(path, sizeof(path), "sys/class/thermal/thermal_zone%d/type", i);
		if (procfs_read_line(root_fd, path, types[i], sizeof(types[i])) < 0)
			types[i][0] = '\0';
	}
	for (size_t wanted = 0; wanted < COUNT(zone_types); wanted++) {
		for (int i = 0; i < THERMAL_ZONES; i++) {
			if (strcmp(types[i], zone_types[wanted]) != 0)
				continue;
			snprintf(ret_folder, size, "sys/class/thermal/thermal_zone%d", i);
			return zone_types[wanted];
		}
	}
	return NULL;
}

/* Of a chip that somebody chose nobody knows whether it is the processor's. */
static void find_limits(struct search *search, const struct sensor_chip *chip, const char *zone)
{
	struct temperature_sources *sources = search->sources;
	const char *folder = chip ? chip->path : NULL;
	bool processor = !chip;

	for (size_t i = 0; i < COUNT(chip_names) && !processor; i++)
		processor = strcmp(chip->name, chip_names[i]) == 0;
	sources->limit_known = processor && temperature_limit_find(search->root_fd, folder, zone,
								   &sources->limit_milli) == 0;
	sources->critical_known =
		processor && temperature_critical_find(search->root_fd, folder, zone,
						       &sources->critical_milli) == 0;
	sources->fan_known =
		processor && temperature_fan_find(search->root_fd, zone, &sources->fan_milli) == 0;
}

static void find_temp(struct search *search)
{
	struct temperature_source *source = &search->sources->rows[SOC_TEMP];
	const bool chosen = strcmp(search->sensor, TEMPERATURE_AUTO) != 0;
	const struct sensor_chip *chip = NULL;
	char folder[64];
	const char *type = find_zone(search->root_fd, folder, sizeof(folder));

	if (chosen)
		chip = find_in_chips(search, SOC_TEMP, search->sensor, "temp1_input");
	for (size_t i = 0; i < COUNT(chip_names) && !chip && !chosen; i++)
		chip = find_in_chips(search, SOC_TEMP, chip_names[i], "temp1_input");
	if (chip || (!chosen && type && source_open(source, search->root_fd, folder, "temp", type)))
		find_limits(search, chip, type ? folder : NULL);
	else if (chosen)
		snprintf(source->reason, sizeof(source->reason),
			 "no hwmon chip %s with temp1_input (key sensor)", search->sensor);
	else
		snprintf(
			source->reason, sizeof(source->reason),
			"no hwmon chip (%s, %s, ...) and no thermal zone (%s, ...) of a processor; "
			"[temperature] sensor can name a chip",
			chip_names[0], chip_names[3], zone_types[0]);
}

static void find_freq(struct search *search)
{
	struct temperature_source *source = &search->sources->rows[SOC_FREQ];

	if (!source_open(source, search->root_fd, "sys/devices/system/cpu/cpufreq/policy0",
			 "scaling_cur_freq", "cpufreq"))
		snprintf(source->reason, sizeof(source->reason),
			 "no cpufreq driver for this processor");
}

static void find_throttled(struct search *search)
{
	struct temperature_source *source = &search->sources->rows[SOC_THROTTLED];

	snprintf(source->reason, sizeof(source->reason), "no cooling device of a cpufreq driver");
	/* A Pi has one (its fan) or none: the search ends at the first number that is not there. */
	for (int i = 0; i < COOLING_DEVICES; i++) {
		char path[64];
		char type[64];

		snprintf(path, sizeof(path), "sys/class/thermal/cooling_device%d/type", i);
		if (procfs_read_line(search->root_fd, path, type, sizeof(type)) < 0)
			return;
		/* "cpufreq-cpu0", and "thermal-cpufreq-0" in older kernels. */
		if (strncmp(type, "cpufreq-", 8) != 0 && strncmp(type, "thermal-cpufreq-", 16) != 0)
			continue;
		*strrchr(path, '/') = '\0';
		if (source_open(source, search->root_fd, path, "cur_state", type))
			return;
	}
}

static void source_close(struct temperature_source *source)
{
	if (source->fd >= 0)
		close(source->fd);
	source->fd = -ENOENT;
	source->fails = false;
}

void temperature_find(struct temperature_sources *sources, int root_fd, const char *sensor,
		      bool ask_libsensors)
{
	struct search search = {.sources = sources, .root_fd = root_fd, .sensor = sensor};
	bool missing[SOC_SOURCES];
	bool chips_wanted;

	for (unsigned i = 0; i < SOC_SOURCES; i++) {
		missing[i] = temperature_source_missing(&sources->rows[i]);
		if (missing[i])
			source_close(&sources->rows[i]);
	}
	chips_wanted = missing[SOC_TEMP];
	for (size_t i = 0; i < COUNT(fixed); i++)
		chips_wanted |= missing[fixed[i].metric];
	if (chips_wanted && ask_libsensors)
		search.count = sensor_chips_ask(search.chips);
	if (chips_wanted && search.count <= 0)
		search.count = sensor_chips_scan(root_fd, search.chips);

	if (missing[SOC_TEMP])
		find_temp(&search);
	for (size_t i = 0; i < COUNT(fixed); i++) {
		struct temperature_source *source = &sources->rows[fixed[i].metric];

		if (missing[fixed[i].metric] &&
		    !find_in_chips(&search, fixed[i].metric, fixed[i].chip, fixed[i].file))
			snprintf(source->reason, sizeof(source->reason), "%s", fixed[i].reason);
	}
	if (missing[SOC_FREQ])
		find_freq(&search);
	if (missing[SOC_THROTTLED])
		find_throttled(&search);
}

int temperature_source_read(struct temperature_source *source, int64_t *ret_value)
{
	char text[64];
	int r;

	if (source->fd < 0)
		return source->fd;
	/* A file of sysfs is one record: nothing comes after the first read. */
	r = procfs_read_records(source->fd, text, sizeof(text), sizeof(text));
	if (r >= 0)
		r = procfs_integer(text, ret_value);
	source->fails = r < 0;
	if (r < 0)
		snprintf(source->reason, sizeof(source->reason), "the sensor failed: %s",
			 procfs_strerror(r));
	return r;
}

void temperature_sources_init(struct temperature_sources *sources)
{
	*sources = (struct temperature_sources){0};
	for (unsigned i = 0; i < SOC_SOURCES; i++)
		sources->rows[i].fd = -ENOENT;
}

void temperature_sources_close(struct temperature_sources *sources)
{
	for (unsigned i = 0; i < SOC_SOURCES; i++)
		source_close(&sources->rows[i]);
}
