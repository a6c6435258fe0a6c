/* SPDX-License-Identifier: MIT */
/*
 * The state of the SoC: temperature, under-voltage, clock, fan. Each is one small file that is found
 * once, kept open and read every second, which is the pace at which the kernel itself looks. What is
 * missing is looked for again, at most once a minute.
 *
 * Under-voltage is the exception: the kernel asks the firmware every 2 s and wakes who polls the file
 * for priority events when the answer changes (sysfs_notify), so a change is told at once. Another
 * root directory has plain files, which wake nobody: there it is seen with the next reading. The
 * firmware's own node in sysfs (get_throttled) is not touched: reading it puts a warning with a stack
 * trace into the kernel log.
 *
 * A clock that the kernel lowers is a cooling device of the cpufreq driver above state 0. On a Pi it
 * is the firmware that lowers it, which no file here tells: collectors/firmware.c asks it.
 */
#include "collectors/collectors.h"

#include <stdbool.h>
#include <stdio.h>

#include "agent/units.h"
#include "collectors/temperature_find.h"

#define LOOK_AGAIN_NS (60 * NS_PER_S)
/* A tick that is a little early must not skip a whole second. */
#define READ_AGAIN_NS (NS_PER_S * 9 / 10)
/* What no silicon reports while it works, in thousandths of a degree. */
#define COLDEST_MILLI (-40 * 1000)
#define HOTTEST_MILLI (150 * 1000)
/* Five times what a small fan does. */
#define FASTEST_RPM 50000
/* The active trip points of a Pi 5 have a hysteresis of 5 degrees (its device tree). */
#define FAN_HYSTERESIS_MILLI (5 * 1000)
/* Long enough for the kernel to look, and for a fan to start. */
#define FAN_START_NS (30 * NS_PER_S)

struct temperature_conf {
	char sensor[32]; /* as the name of a chip */
};

static const struct conf_item temperature_conf[] = {
	CONF_ROW(struct temperature_conf, sensor, CONF_NAME, TEMPERATURE_AUTO, .min = 1,
		 .help = "hwmon chip with the temperature of the SoC, or auto"),
	{.key = NULL},
};

static const struct metric temperature_metrics[SOC_METRICS] = {
	[SOC_TEMP] = {.group = "soc",
		      .name = "temp_c",
		      .unit = UNIT_MILLI_CELSIUS,
		      .role = ROLE_SOC_TEMP,
		      .course = true,
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
	[SOC_RP1_TEMP] = {.group = "soc",
			  .name = "rp1_temp_c",
			  .unit = UNIT_MILLI_CELSIUS,
			  .idle_unknown = true,
			  .help = "temperature of the I/O chip of a Pi 5"},
	[SOC_FAN] = {.group = "soc",
		     .name = "fan_rpm",
		     .unit = UNIT_COUNT,
		     .idle_unknown = true,
		     .help = "revolutions of the fan per minute"},
	[SOC_TEMP_LIMIT] = {.group = "soc",
			    .unit = UNIT_MILLI_CELSIUS,
			    .role = ROLE_SOC_TEMP_LIMIT,
			    .help = "temperature at which the clock is lowered"},
	[SOC_TEMP_CRITICAL] = {.group = "soc",
			       .name = "critical_temp_c",
			       .unit = UNIT_MILLI_CELSIUS,
			       .idle_unknown = true,
			       .help = "temperature at which the kernel switches the board off"},
};

struct temperature {
	const struct temperature_conf *conf;
	const struct env *env;
	int64_t look_ns; /* not before */
	int64_t due_ns;	 /* the next reading */
	bool news;	 /* the alarm changed: the reading cannot wait */
	bool alarm;	 /* as it was handed in last */
	struct watch *watch;
	int64_t fan_still_ns; /* since when the fan should turn and does not; 0: all is well */
	bool fan_turned;      /* since the start: there is one, and it tells its speed */
	bool told_fan;
	struct temperature_sources sources;
};

/* The kernel says that the alarm changed. Reading it makes the descriptor silent again. */
static void on_alarm(void *context, unsigned events)
{
	struct temperature *self = context;
	int64_t value;

	(void)events;
	if (temperature_source_read(&self->sources.rows[SOC_UNDERVOLTAGE], &value) < 0) {
		/* It would never be silent: the driver is gone. */
		watch_end(self->watch);
		self->watch = NULL;
	} else if ((value > 0) == self->alarm) {
		return;
	}
	self->news = true;
	env_wake(self->env);
}

static void temperature_look(struct temperature *self, bool ask_libsensors)
{
	const struct temperature_source *alarm = &self->sources.rows[SOC_UNDERVOLTAGE];

	if (temperature_source_missing(alarm)) {
		watch_end(self->watch);
		self->watch = NULL;
	}
	temperature_find(&self->sources, self->env->root_fd, self->conf->sensor, ask_libsensors);
	if (!self->watch && alarm->fd >= 0)
		self->watch = env_watch(self->env, alarm->fd, WATCH_PRIORITY, on_alarm, self);
}

static int temperature_open(void *self, const void *conf, const struct env *env)
{
	struct temperature *temperature = self;

	temperature->conf = conf;
	temperature->env = env;
	temperature_sources_init(&temperature->sources);
	temperature_look(temperature, env->real_root);
	temperature->look_ns = env_now_ns(env) + LOOK_AGAIN_NS;
	return 0;
}

/* Hands in the number if it is within what can be; returns it, or INT64_MIN. */
static int64_t hand_in(struct temperature *self, unsigned metric, int64_t low, int64_t high,
		       int64_t scale, struct batch *batch)
{
	struct temperature_source *source = &self->sources.rows[metric];
	int64_t value;

	if (temperature_source_read(source, &value) < 0) {
		batch_unknown(batch, metric, source->reason);
		return INT64_MIN;
	}
	if (value < low || value > high) {
		snprintf(source->reason, sizeof(source->reason),
			 "the sensor says %lld, which cannot be", (long long)value);
		batch_unknown(batch, metric, source->reason);
		return INT64_MIN;
	}
	value *= scale;
	if (temperature_metrics[metric].unit == UNIT_BOOL)
		value = value > 0;
	batch_value(batch, metric, value);
	if (metric == SOC_UNDERVOLTAGE)
		self->alarm = value > 0;
	return value;
}

/*
 * A fan that stands still while the kernel runs it; each time once when it stops and when it turns. A Pi 5
 * has the sensor also without a fan, or with one of two wires, and then it always says 0.
 */
static void check_fan(struct temperature *self, int64_t temp_milli, int64_t rpm, int64_t now_ns,
		      struct batch *batch)
{
	self->fan_turned |= rpm > 0;
	bool still = rpm == 0 && self->fan_turned && self->sources.fan_known &&
		     temp_milli > self->sources.fan_milli + FAN_HYSTERESIS_MILLI;

	if (!still)
		self->fan_still_ns = 0;
	else if (self->fan_still_ns == 0)
		self->fan_still_ns = now_ns;
	if (still && !self->told_fan && now_ns - self->fan_still_ns >= FAN_START_NS) {
		self->told_fan = true;
		batch_event(batch, "fan-stopped", SEVERITY_WARNING,
			    "The fan stands still at %lld degrees", (long long)temp_milli / 1000);
	} else if (rpm > 0 && self->told_fan) {
		self->told_fan = false;
		batch_event(batch, "fan-stopped-end", SEVERITY_INFO, "The fan turns again");
	}
}

static void hand_in_limit(unsigned metric, bool known, int64_t milli, const char *reason,
			  struct batch *batch)
{
	if (known)
		batch_value(batch, metric, milli);
	else
		batch_unknown(batch, metric, reason);
}

static int temperature_read(void *self, int64_t now_ns, struct batch *ret_batch)
{
	struct temperature *temperature = self;
	const struct temperature_sources *sources = &temperature->sources;
	bool missing = false;
	int64_t temp, rpm;

	if (now_ns < temperature->due_ns && !temperature->news)
		return 0;
	temperature->due_ns = now_ns + READ_AGAIN_NS;
	temperature->news = false;
	for (unsigned i = 0; i < SOC_SOURCES; i++)
		missing |= temperature_source_missing(&sources->rows[i]);
	if (missing && now_ns >= temperature->look_ns) {
		temperature_look(temperature, false);
		temperature->look_ns = now_ns + LOOK_AGAIN_NS;
	}
	temp = hand_in(temperature, SOC_TEMP, COLDEST_MILLI, HOTTEST_MILLI, 1, ret_batch);
	hand_in(temperature, SOC_UNDERVOLTAGE, 0, 1, 1, ret_batch);
	/* The kernel counts kHz in 32 bits. */
	hand_in(temperature, SOC_FREQ, 0, UINT32_MAX, 1000, ret_batch);
	/* The number of steps that the clock was lowered by. */
	hand_in(temperature, SOC_THROTTLED, 0, INT32_MAX, 1, ret_batch);
	hand_in(temperature, SOC_RP1_TEMP, COLDEST_MILLI, HOTTEST_MILLI, 1, ret_batch);
	rpm = hand_in(temperature, SOC_FAN, 0, FASTEST_RPM, 1, ret_batch);
	hand_in_limit(SOC_TEMP_LIMIT, sources->limit_known, sources->limit_milli,
		      "nothing tells at which temperature the clock is lowered", ret_batch);
	hand_in_limit(SOC_TEMP_CRITICAL, sources->critical_known, sources->critical_milli,
		      "no critical trip point", ret_batch);
	check_fan(temperature, temp, rpm, now_ns, ret_batch);
	return 0;
}

static void temperature_close(void *self)
{
	struct temperature *temperature = self;

	watch_end(temperature->watch);
	temperature->watch = NULL;
	temperature_sources_close(&temperature->sources);
}

const struct collector temperature_collector = {
	.module.name = "temperature",
	.module.metrics = temperature_metrics,
	.module.metric_count = SOC_METRICS,
	.module.conf = temperature_conf,
	.module.conf_size = sizeof(struct temperature_conf),
	.module.self_size = sizeof(struct temperature),
	.module.open = temperature_open,
	.module.read = temperature_read,
	.module.close = temperature_close,
};
