/* SPDX-License-Identifier: MIT */
/* At which temperature the clock is lowered and the machine switched off, and whether the kernel lowers it now. */
#include "collector-fixture.h"

#include "collectors/temperature_limit.h"

#define HWMON "sys/class/hwmon/hwmon"
#define ZONE "sys/class/thermal/thermal_zone"

static void open_and_read(struct world *world)
{
	world_open(world, &temperature_collector, NULL, NULL);
	world_read(world);
}

static void later(struct world *world, int64_t seconds)
{
	world->now_ns += seconds * NS_PER_S;
	world_read(world);
}

static const char *role_reason(const struct world *world, enum metric_role role)
{
	const struct sample *sample = world_sample(world, "-", NULL, role);

	assert_int_equal(sample->kind, SAMPLE_UNKNOWN);
	return sample->text;
}

struct limit_file {
	const char *path, *text;
};

#define ZONE_TRIP(n, type, milli)                                                                  \
	{ZONE "1/trip_point_" n "_type", type "\n"},                                               \
	{                                                                                          \
		ZONE "1/trip_point_" n "_temp", milli "\n"                                         \
	}
#define CHIP_0(name)                                                                               \
	{HWMON "0/name", name "\n"},                                                               \
	{                                                                                          \
		HWMON "0/temp1_input", "50000\n"                                                   \
	}
#define MODEL(text)                                                                                \
	{                                                                                          \
		"proc/device-tree/model", text                                                     \
	}

/* Where the clock is lowered, by what the machine at hand tells. */
static const struct {
	struct limit_file files[12];
	int64_t milli, critical; /* 0: unknown */
} limit_rows[] = {
	{{CHIP_0("coretemp"), {HWMON "0/temp1_crit", "100000\n"}}, 100000, 100000},
	{{CHIP_0("coretemp"), {HWMON "0/temp1_crit", "100000\n"}, {HWMON "0/temp1_max", "82000\n"}},
	 100000,
	 100000},
	{{CHIP_0("k10temp"), {HWMON "0/temp1_max", "70000\n"}}, 70000, 0},
	{{CHIP_0("k10temp")}, 0, 0},
	/* What chips say that have no limit. */
	{{CHIP_0("k10temp"), {HWMON "0/temp1_crit", "0\n"}}, 0, 0},
	{{CHIP_0("k10temp"), {HWMON "0/temp1_crit", "255875\n"}}, 0, 0},
	{{CHIP_0("k10temp"), {HWMON "0/temp1_crit", "-274000\n"}}, 0, 0},
	{{CHIP_0("k10temp"), {HWMON "0/temp1_crit", "hot\n"}}, 0, 0},
	/* The passive trip point is where the kernel lowers it; of several the lowest. */
	{{CHIP_0("cpu_thermal"),
	  {HWMON "0/temp1_crit", "95000\n"},
	  {ZONE "1/type", "cpu-thermal\n"},
	  ZONE_TRIP("0", "critical", "96000"),
	  ZONE_TRIP("1", "passive", "85000"),
	  ZONE_TRIP("2", "passive", "75000")},
	 75000,
	 96000},
	/* One that nobody has set; one of another zone; one behind a gap. */
	{{CHIP_0("coretemp"),
	  {HWMON "0/temp1_crit", "100000\n"},
	  {ZONE "1/type", "x86_pkg_temp\n"},
	  ZONE_TRIP("0", "passive", "-274000"),
	  ZONE_TRIP("2", "passive", "75000")},
	 100000,
	 100000},
	{{CHIP_0("coretemp"),
	  {HWMON "0/temp1_crit", "100000\n"},
	  {ZONE "1/type", "gpu-thermal\n"},
	  ZONE_TRIP("0", "passive", "75000")},
	 100000,
	 100000},
	/* No chip at all. */
	{{{ZONE "1/type", "soc-thermal\n"},
	  {ZONE "1/temp", "50000\n"},
	  ZONE_TRIP("0", "active", "45000"),
	  ZONE_TRIP("1", "critical", "105000")},
	 105000,
	 105000},
	/* The firmware of a Pi comes first, unless the kernel is told to be earlier. */
	{{CHIP_0("cpu_thermal"),
	  MODEL("Raspberry Pi 3 Model B Plus Rev 1.3"),
	  {ZONE "1/type", "cpu-thermal\n"},
	  ZONE_TRIP("0", "passive", "85000")},
	 80000,
	 0},
	{{CHIP_0("cpu_thermal"),
	  MODEL("Raspberry Pi 4 Model B Rev 1.4"),
	  {ZONE "1/type", "cpu-thermal\n"},
	  ZONE_TRIP("0", "passive", "70000")},
	 70000,
	 0},
	{{CHIP_0("cpu_thermal"), MODEL("FriendlyElec NanoPi R5S")}, 0, 0},
};

static void test_limit(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(limit_rows) / sizeof(limit_rows[0]); i++) {
		struct world *world = world_new();

		for (size_t j = 0; limit_rows[i].files[j].path; j++)
			world_write(world, limit_rows[i].files[j].path,
				    limit_rows[i].files[j].text);
		open_and_read(world);
		assert_int_equal(world_value(world, "soc", "temp_c"), 50000);
		if (limit_rows[i].milli == 0)
			assert_text_has(role_reason(world, ROLE_SOC_TEMP_LIMIT), "nothing tells");
		else
			assert_int_equal(world_role(world, ROLE_SOC_TEMP_LIMIT),
					 limit_rows[i].milli);
		if (limit_rows[i].critical == 0)
			assert_text_has(world_reason(world, "soc", "critical_temp_c"),
					"no critical trip point");
		else
			assert_int_equal(world_value(world, "soc", "critical_temp_c"),
					 limit_rows[i].critical);
		world_free(world);
	}
}

#define COOLING "sys/class/thermal/cooling_device"

static void test_throttled(void **state)
{
	static const char *const types[] = {"cpufreq-cpu0\n", "thermal-cpufreq-0\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct world *world = world_new();

		world_write(world, COOLING "0/type", "pwm-fan\n");
		world_write(world, COOLING "0/cur_state", "3\n");
		world_write(world, COOLING "1/type", types[i]);
		world_write(world, COOLING "1/cur_state", "0\n");
		open_and_read(world);
		assert_int_equal(world_role(world, ROLE_THROTTLED), 0);
		world_write(world, COOLING "1/cur_state", "4\n");
		later(world, 1);
		assert_int_equal(world_role(world, ROLE_THROTTLED), 1);
		world_write(world, COOLING "1/cur_state", "-1\n");
		later(world, 1);
		assert_text_has(role_reason(world, ROLE_THROTTLED), "cannot be");
		world_free(world);
	}
}

static void open_with_fan(struct world *world)
{
	world_write(world, HWMON "0/name", "cpu_thermal\n");
	world_write(world, HWMON "0/temp1_input", "55000\n");
	world_write(world, HWMON "1/name", "pwmfan\n");
	world_write(world, HWMON "1/fan1_input", "0\n");
	world_write(world, ZONE "0/type", "cpu-thermal\n");
	world_write(world, ZONE "0/trip_point_0_type", "critical\n");
	world_write(world, ZONE "0/trip_point_0_temp", "110000\n");
	world_write(world, ZONE "0/trip_point_1_type", "active\n");
	world_write(world, ZONE "0/trip_point_1_temp", "67500\n");
	world_write(world, ZONE "0/trip_point_2_type", "active\n");
	world_write(world, ZONE "0/trip_point_2_temp", "50000\n");
	open_and_read(world);
}

/* The active trip points of a Pi 5; the lowest counts, with its hysteresis. */
static void test_fan(void **state)
{
	struct world *world = world_new();

	(void)state;
	open_with_fan(world);
	/* Until it has turned once there may be none, or one that does not tell. */
	world_write(world, HWMON "0/temp1_input", "70000\n");
	later(world, 1);
	later(world, 100);
	assert_int_equal(world->batch.event_count, 0);
	world_write(world, HWMON "1/fan1_input", "2711\n");
	later(world, 1);
	world_write(world, HWMON "1/fan1_input", "0\n");
	world_write(world, HWMON "0/temp1_input", "55000\n");
	later(world, 1);
	/* It may stand still up to here. */
	later(world, 100);
	assert_int_equal(world->batch.event_count, 0);

	world_write(world, HWMON "0/temp1_input", "55001\n");
	later(world, 1);
	later(world, 29);
	assert_int_equal(world->batch.event_count, 0);
	/* A moment of cold starts the time anew. */
	world_write(world, HWMON "0/temp1_input", "55000\n");
	later(world, 1);
	world_write(world, HWMON "0/temp1_input", "61000\n");
	later(world, 1);
	later(world, 29);
	assert_int_equal(world->batch.event_count, 0);
	later(world, 1);
	assert_int_equal(world->batch.event_count, 1);
	assert_string_equal(world->batch.events[0].kind, "fan-stopped");
	assert_text_has(world->batch.events[0].text, "61 degrees");
	later(world, 100);
	assert_int_equal(world->batch.event_count, 0);
	/* Cold, or unreadable, is no turning fan. */
	world_write(world, HWMON "0/temp1_input", "40000\n");
	later(world, 1);
	world_write(world, HWMON "1/fan1_input", "");
	later(world, 1);
	assert_int_equal(world->batch.event_count, 0);

	world_write(world, HWMON "1/fan1_input", "3000\n");
	later(world, 1);
	assert_int_equal(world->batch.event_count, 1);
	assert_string_equal(world->batch.events[0].kind, "fan-stopped-end");
	world_free(world);
}

static void test_fan_of_a_pi5(void **state)
{
	struct world *world = world_board("pi5");
	int64_t milli;

	(void)state;
	assert_int_equal(temperature_fan_find(world->env.root_fd, ZONE "0", &milli), 0);
	assert_int_equal(milli, 50000);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_throttled),
		cmocka_unit_test(test_fan),
		cmocka_unit_test(test_fan_of_a_pi5),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
