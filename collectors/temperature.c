/* SPDX-License-Identifier: MIT */
/*
 * The state of the SoC: temperature, under-voltage, clock. Each is one small file that is found once
 * (by the name of its driver, because numbers change from boot to boot), kept open and read every
 * second, which is the pace at which the kernel itself looks. What cannot be found or read is looked
 * for again, at most once a minute: a driver may be loaded later, or be loaded anew.
 *
 * hwmon comes before thermal zones because it names the chip. There is no other way to the voltage
 * without rights: the firmware's own node in sysfs taints the log with a warning when it is read.
 *
 * A clock that the kernel lowers is a cooling device of the cpufreq driver above state 0. On a Pi it
 * is the firmware that lowers it, which no file here tells: there the temperature has to do.
 */
#include "collectors/collectors.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/procfs.h"
#include "agent/units.h"
#include "collectors/sensors.h"
#include "collectors/temperature_limit.h"

#define LOOK_AGAIN_NS (60 * NS_PER_S)
#define REASON_SIZE 256
#define AUTO "auto"
/* A PC has about 20 zones; a Pi has one. */
#define THERMAL_ZONES 32
/* A PC has one for each processor. */
#define COOLING_DEVICES 256
/* What no silicon reports while it works, in thousandths of a degree. */
#define COLDEST_MILLI (-40 * 1000)
#define HOTTEST_MILLI (150 * 1000)

struct temperature_conf {
	char sensor[32]; /* as the name of a chip */
};

static const struct conf_item temperature_conf[] = {
	CONF_ROW(struct temperature_conf, sensor, CONF_NAME, AUTO, .min = 1,
		 .help = "hwmon chip with the temperature of the SoC, or auto"),
	{.key = NULL},
};

enum temperature_metric {
	SOC_TEMP,
	SOC_UNDERVOLTAGE,
	SOC_FREQ,
	SOC_THROTTLED,
	SOC_SOURCES, /* those before are files */
	SOC_TEMP_LIMIT = SOC_SOURCES,
	SOC_METRICS,
};

static const struct metric temperature_metrics[SOC_METRICS] = {
	[SOC_TEMP] = {.group = "soc",
		      .name = "temp_c",
		      .unit = UNIT_MILLI_CELSIUS,
		      .role = ROLE_SOC_TEMP,
		      .help = "temperature of the SoC"},
	[SOC_UNDERVOLTAGE] = {.group = "soc",
			      .name = "undervoltage",
			      .unit = UNIT_BOOL,
			      .role = ROLE_UNDERVOLTAGE,
			      .help = "supply voltage was too low in the last 2 s"},
	[SOC_FREQ] = {.group = "soc",
		      .name = "freq_hz",
		      .unit = UNIT_HZ,
		      .help = "processor clock that the kernel asked for"},
	[SOC_THROTTLED] = {.group = "soc",
			   .unit = UNIT_BOOL,
			   .role = ROLE_THROTTLED,
			   .help = "the kernel lowers the processor clock"},
	[SOC_TEMP_LIMIT] = {.group = "soc",
			    .unit = UNIT_MILLI_CELSIUS,
			    .role = ROLE_SOC_TEMP_LIMIT,
			    .help = "temperature at which the clock is lowered"},
};

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

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One file with one number. */
struct source {
	int fd;	    /* negative: not found */
	bool fails; /* the last read did */
	char reason[REASON_SIZE];
};

struct temperature {
	const struct temperature_conf *conf;
	int root_fd;
	int64_t look_ns; /* not before */
	bool limit_known;
	int64_t limit_milli;
	struct source sources[SOC_SOURCES];
};

/* Opens FOLDER/FILE as the source, and says so. */
static bool source_open(struct source *source, int root_fd, const char *folder, const char *file,
			const char *name)
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
static const struct sensor_chip *find_in_chips(struct temperature *self, struct source *source,
					       const char *name, const char *file,
					       const struct sensor_chip *chips, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(chips[i].name, name) == 0 &&
		    source_open(source, self->root_fd, chips[i].path, file, name))
			return &chips[i];
	return NULL;
}

/* The folder of the most wanted thermal zone of a processor. Returns its type, or NULL. */
static const char *find_zone(int root_fd, char *ret_folder, size_t size)
{
	char types[THERMAL_ZONES][32];

	if (faccessat(root_fd, "sys/class/thermal", F_OK, 0) < 0)
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
static void find_limit(struct temperature *self, const struct sensor_chip *chip, const char *zone)
{
	bool processor = !chip;

	for (size_t i = 0; i < COUNT(chip_names) && !processor; i++)
		processor = strcmp(chip->name, chip_names[i]) == 0;
	self->limit_known =
		processor && temperature_limit_find(self->root_fd, chip ? chip->path : NULL, zone,
						    &self->limit_milli) == 0;
}

static void find_temp(struct temperature *self, const struct sensor_chip *chips, int count)
{
	struct source *source = &self->sources[SOC_TEMP];
	const char *sensor = self->conf->sensor;
	const bool chosen = strcmp(sensor, AUTO) != 0;
	const struct sensor_chip *chip = NULL;
	char folder[64];
	const char *type = find_zone(self->root_fd, folder, sizeof(folder));

	if (chosen)
		chip = find_in_chips(self, source, sensor, "temp1_input", chips, count);
	for (size_t i = 0; i < COUNT(chip_names) && !chip && !chosen; i++)
		chip = find_in_chips(self, source, chip_names[i], "temp1_input", chips, count);
	if (chip || (!chosen && type && source_open(source, self->root_fd, folder, "temp", type)))
		find_limit(self, chip, type ? folder : NULL);
	else if (chosen)
		snprintf(source->reason, REASON_SIZE,
			 "no hwmon chip %s with temp1_input (key sensor)", sensor);
	else
		snprintf(
			source->reason, REASON_SIZE,
			"no hwmon chip (%s, %s, ...) and no thermal zone (%s, ...) of a processor; "
			"[temperature] sensor can name a chip",
			chip_names[0], chip_names[3], zone_types[0]);
}

static void find_undervoltage(struct temperature *self, const struct sensor_chip *chips, int count)
{
	struct source *source = &self->sources[SOC_UNDERVOLTAGE];

	if (!find_in_chips(self, source, "rpi_volt", "in0_lcrit_alarm", chips, count))
		snprintf(source->reason, REASON_SIZE,
			 "no hwmon chip rpi_volt: needs a Raspberry Pi and its kernel");
}

static void find_freq(struct temperature *self)
{
	struct source *source = &self->sources[SOC_FREQ];

	if (!source_open(source, self->root_fd, "sys/devices/system/cpu/cpufreq/policy0",
			 "scaling_cur_freq", "cpufreq"))
		snprintf(source->reason, REASON_SIZE, "no cpufreq driver for this processor");
}

static void find_throttled(struct temperature *self)
{
	struct source *source = &self->sources[SOC_THROTTLED];

	snprintf(source->reason, REASON_SIZE, "no cooling device of a cpufreq driver");
	/* A Pi has one (its fan) or none: the search ends at the first number that is not there. */
	for (int i = 0; i < COOLING_DEVICES; i++) {
		char path[64];
		char type[64];

		snprintf(path, sizeof(path), "sys/class/thermal/cooling_device%d/type", i);
		if (procfs_read_line(self->root_fd, path, type, sizeof(type)) < 0)
			return;
		/* "cpufreq-cpu0", and "thermal-cpufreq-0" in older kernels. */
		if (strncmp(type, "cpufreq-", 8) != 0 && strncmp(type, "thermal-cpufreq-", 16) != 0)
			continue;
		*strrchr(path, '/') = '\0';
		if (source_open(source, self->root_fd, path, "cur_state", type))
			return;
	}
}

static void source_close(struct source *source)
{
	if (source->fd >= 0)
		close(source->fd);
	source->fd = -ENOENT;
	source->fails = false;
}

/* Looks for all sources that are missing or fail. */
static void temperature_look(struct temperature *self, bool ask_libsensors)
{
	struct sensor_chip chips[SENSOR_CHIPS];
	bool missing[SOC_SOURCES];
	bool chips_wanted;
	int count = 0;

	for (unsigned i = 0; i < SOC_SOURCES; i++) {
		missing[i] = self->sources[i].fd < 0 || self->sources[i].fails;
		if (missing[i])
			source_close(&self->sources[i]);
	}
	chips_wanted = missing[SOC_TEMP] || missing[SOC_UNDERVOLTAGE];
	if (chips_wanted && ask_libsensors)
		count = sensor_chips_ask(chips);
	if (chips_wanted && count <= 0)
		count = sensor_chips_scan(self->root_fd, chips);
	if (missing[SOC_TEMP])
		find_temp(self, chips, count);
	if (missing[SOC_UNDERVOLTAGE])
		find_undervoltage(self, chips, count);
	if (missing[SOC_FREQ])
		find_freq(self);
	if (missing[SOC_THROTTLED])
		find_throttled(self);
}

static int temperature_open(void *self, const void *conf, const struct env *env)
{
	struct temperature *temperature = self;

	temperature->conf = conf;
	temperature->root_fd = env->root_fd;
	for (unsigned i = 0; i < SOC_SOURCES; i++)
		temperature->sources[i].fd = -ENOENT;
	temperature_look(temperature, env->real_root);
	temperature->look_ns = env_now_ns(env) + LOOK_AGAIN_NS;
	return 0;
}

/* Reads the number. Returns 0, or negative errno with the reason noted. */
static int source_read(struct source *source, int64_t *ret_value)
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
		snprintf(source->reason, REASON_SIZE, "the sensor failed: %s", procfs_strerror(r));
	return r;
}

static void hand_in(struct temperature *self, unsigned metric, int64_t low, int64_t high,
		    int64_t scale, struct batch *batch)
{
	struct source *source = &self->sources[metric];
	int64_t value;

	if (source_read(source, &value) < 0) {
		batch_unknown(batch, metric, source->reason);
	} else if (value < low || value > high) {
		snprintf(source->reason, REASON_SIZE, "the sensor says %lld, which cannot be",
			 (long long)value);
		batch_unknown(batch, metric, source->reason);
	} else {
		value *= scale;
		batch_value(batch, metric,
			    temperature_metrics[metric].unit == UNIT_BOOL ? value > 0 : value);
	}
}

static int temperature_read(void *self, int64_t now_ns, struct batch *ret_batch)
{
	struct temperature *temperature = self;
	bool missing = false;

	for (unsigned i = 0; i < SOC_SOURCES; i++)
		missing |= temperature->sources[i].fd < 0 || temperature->sources[i].fails;
	if (missing && now_ns >= temperature->look_ns) {
		temperature_look(temperature, false);
		temperature->look_ns = now_ns + LOOK_AGAIN_NS;
	}
	hand_in(temperature, SOC_TEMP, COLDEST_MILLI, HOTTEST_MILLI, 1, ret_batch);
	hand_in(temperature, SOC_UNDERVOLTAGE, 0, 1, 1, ret_batch);
	/* The kernel counts kHz in 32 bits. */
	hand_in(temperature, SOC_FREQ, 0, UINT32_MAX, 1000, ret_batch);
	/* The number of steps that the clock was lowered by. */
	hand_in(temperature, SOC_THROTTLED, 0, INT32_MAX, 1, ret_batch);
	if (temperature->limit_known)
		batch_value(ret_batch, SOC_TEMP_LIMIT, temperature->limit_milli);
	else
		batch_unknown(ret_batch, SOC_TEMP_LIMIT,
			      "nothing tells at which temperature "
			      "the clock is lowered");
	return 0;
}

static void temperature_close(void *self)
{
	struct temperature *temperature = self;

	for (unsigned i = 0; i < SOC_SOURCES; i++)
		source_close(&temperature->sources[i]);
}

const struct collector temperature_collector = {
	.module.name = "temperature",
	.module.metrics = temperature_metrics,
	.module.metric_count = SOC_METRICS,
	.module.conf = temperature_conf,
	.module.conf_size = sizeof(struct temperature_conf),
	.module.self_size = sizeof(struct temperature),
	.module.period_ns = NS_PER_S,
	.module.open = temperature_open,
	.module.read = temperature_read,
	.module.close = temperature_close,
};
