/* SPDX-License-Identifier: MIT */
/* The SoC's state: which file is taken on which machine, and what happens when it fails or moves. */
#include "collector-fixture.h"

#include "collectors/sensors.h"

#define HWMON "sys/class/hwmon/hwmon"
#define ZONE "sys/class/thermal/thermal_zone"
#define FREQ "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq"

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

static void expect_temp(const struct world *world, int64_t milli)
{
	assert_int_equal(world_value(world, "soc", "temp_c"), milli);
}

static const char *role_reason(const struct world *world, enum metric_role role)
{
	const struct sample *sample = world_sample(world, "-", NULL, role);

	assert_int_equal(sample->kind, SAMPLE_UNKNOWN);
	return sample->text;
}

static void test_boards(void **state)
{
	static const struct {
		const char *board;
		int64_t milli, hz;
		bool undervoltage;
	} rows[] = {
		{"pi3b", 56388, 1200000000, true},
		{"pi4", 48686, 1500000000, false},
		{"pi5", 52900, 2400000000, false}, /* not the 49338 of rp1_adc, which comes first */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *world = world_board(rows[i].board);

		open_and_read(world);
		expect_temp(world, rows[i].milli);
		assert_int_equal(world_value(world, "soc", "undervoltage"), rows[i].undervoltage);
		assert_int_equal(world_value(world, "soc", "freq_hz"), rows[i].hz);
		assert_int_equal(world_role(world, ROLE_SOC_TEMP), rows[i].milli);
		assert_int_equal(world_role(world, ROLE_UNDERVOLTAGE), rows[i].undervoltage);
		/* Not the 90 or 110 degrees at which the kernel switches off. */
		assert_int_equal(world_role(world, ROLE_SOC_TEMP_LIMIT), 80000);
		assert_text_has(role_reason(world, ROLE_THROTTLED), "no cooling device");
		world_free(world);
	}
}

static void test_chosen_sensor(void **state)
{
	struct world *world = world_board("pi5");

	(void)state;
	world_open(world, &temperature_collector, "sensor", "rp1_adc");
	world_read(world);
	expect_temp(world, 49338);
	/* It is not the processor: the processor's limit is none of it. */
	assert_text_has(role_reason(world, ROLE_SOC_TEMP_LIMIT), "nothing tells");
	world_free(world);

	/* A chip that is not there is not replaced by another one. */
	world = world_board("pi5");
	world_open(world, &temperature_collector, "sensor", "k10temp");
	world_read(world);
	assert_text_has(world_reason(world, "soc", "temp_c"), "no hwmon chip k10temp");
	assert_int_equal(world_value(world, "soc", "undervoltage"), 0);
	world_free(world);
}

static void test_nothing_at_all(void **state)
{
	struct world *world = world_new();

	(void)state;
	open_and_read(world);
	assert_text_has(world_reason(world, "soc", "temp_c"), "cpu_thermal");
	assert_text_has(world_reason(world, "soc", "temp_c"), "coretemp");
	assert_text_has(world_reason(world, "soc", "temp_c"), "[temperature] sensor");
	assert_text_has(world_reason(world, "soc", "undervoltage"), "rpi_volt");
	assert_text_has(world_reason(world, "soc", "freq_hz"), "cpufreq");
	world_free(world);
}

static void test_order_of_chips(void **state)
{
	struct world *world = world_new();

	(void)state;
	world_write(world, HWMON "0/name", "nvme\n");
	world_write(world, HWMON "0/temp1_input", "11000\n");
	world_write(world, HWMON "1/name", "zenpower\n");
	world_write(world, HWMON "1/temp1_input", "12000\n");
	world_write(world, HWMON "7/name", "k10temp\n");
	world_write(world, HWMON "7/temp1_input", "13000\n");
	world_write(world, ZONE "0/type", "cpu-thermal\n");
	world_write(world, ZONE "0/temp", "14000\n");
	open_and_read(world);
	expect_temp(world, 13000);
	world_free(world);
}

static void test_thermal_zone(void **state)
{
	struct world *world = world_new();

	(void)state;
	world_write(world, HWMON "0/name", "nvme\n");
	world_write(world, HWMON "0/temp1_input", "11000\n");
	/* The right name, but nothing to read in it. */
	world_write(world, HWMON "1/name", "cpu_thermal\n");
	world_write(world, ZONE "0/type", "gpu-thermal\n");
	world_write(world, ZONE "0/temp", "12000\n");
	world_write(world, ZONE "1/type", "x86_pkg_temp\n");
	world_write(world, ZONE "1/temp", "13000\n");
	world_write(world, ZONE "3/type", "soc-thermal\n");
	world_write(world, ZONE "3/temp", "-14000\n");
	open_and_read(world);
	expect_temp(world, -14000);
	world_free(world);
}

static void test_bad_values(void **state)
{
	static const struct {
		const char *path, *text, *field, *reason;
	} rows[] = {
		{HWMON "0/temp1_input", "", "temp_c", "empty"},
		{HWMON "0/temp1_input", "hot\n", "temp_c", "expected form"},
		{HWMON "0/temp1_input", "61.5\n", "temp_c", "expected form"},
		{HWMON "0/temp1_input", "150001\n", "temp_c", "cannot be"},
		{HWMON "0/temp1_input", "-273150\n", "temp_c", "cannot be"},
		{HWMON "0/temp1_input", "9223372036854775807\n", "temp_c", "cannot be"},
		{HWMON "1/in0_lcrit_alarm", "2\n", "undervoltage", "cannot be"},
		{HWMON "1/in0_lcrit_alarm", "-1\n", "undervoltage", "cannot be"},
		{FREQ, "<unknown>\n", "freq_hz", "expected form"},
		{FREQ, "9223372036854775807\n", "freq_hz", "cannot be"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *world = world_new();

		world_write(world, HWMON "0/name", "cpu_thermal\n");
		world_write(world, HWMON "0/temp1_input", "50000\n");
		world_write(world, HWMON "1/name", "rpi_volt\n");
		world_write(world, HWMON "1/in0_lcrit_alarm", "0\n");
		world_write(world, FREQ, "600000\n");
		open_and_read(world);
		expect_temp(world, 50000);
		assert_int_equal(world_value(world, "soc", "freq_hz"), 600000000);
		world_write(world, rows[i].path, rows[i].text);
		later(world, 1);
		assert_text_has(world_reason(world, "soc", rows[i].field), rows[i].reason);
		world_free(world);
	}
}

/* A driver is loaded late: it is found at the next look, not before a minute. */
static void test_appears_later(void **state)
{
	struct world *world = world_new();

	(void)state;
	open_and_read(world);
	world_write(world, HWMON "0/name", "cpu_thermal\n");
	world_write(world, HWMON "0/temp1_input", "50000\n");
	later(world, 59);
	assert_text_has(world_reason(world, "soc", "temp_c"), "no hwmon chip");
	later(world, 1);
	expect_temp(world, 50000);
	world_free(world);
}

/* A driver is loaded anew and gets another number; the old file gives nothing any more. */
static void test_moves(void **state)
{
	struct world *world = world_new();

	(void)state;
	world_write(world, HWMON "0/name", "cpu_thermal\n");
	world_write(world, HWMON "0/temp1_input", "50000\n");
	open_and_read(world);
	world_write(world, HWMON "0/temp1_input", "");
	world_write(world, HWMON "4/name", "cpu_thermal\n");
	world_write(world, HWMON "4/temp1_input", "51000\n");
	later(world, 10);
	assert_text_has(world_reason(world, "soc", "temp_c"), "failed");
	world_remove(world, HWMON "0/name");
	later(world, 40);
	assert_text_has(world_reason(world, "soc", "temp_c"), "failed");
	later(world, 10);
	expect_temp(world, 51000);
	/* A short failure needs no new look. */
	world_write(world, HWMON "4/temp1_input", "");
	later(world, 1);
	assert_text_has(world_reason(world, "soc", "temp_c"), "failed");
	world_write(world, HWMON "4/temp1_input", "52000\n");
	later(world, 1);
	expect_temp(world, 52000);
	world_free(world);
}

static void test_scan_limits(void **state)
{
	struct sensor_chip chips[SENSOR_CHIPS];
	struct world *world = world_new();

	(void)state;
	assert_int_equal(sensor_chips_scan(world->env.root_fd, chips), 0);
	for (int i = 0; i < SENSOR_CHIPS + 2; i++) {
		char path[64];

		snprintf(path, sizeof(path), HWMON "%d/name", i);
		world_write(world, path,
			    i == 3 ? "a_name_that_is_longer_than_any_driver_has\n" : "nvme\n");
	}
	assert_int_equal(sensor_chips_scan(world->env.root_fd, chips), SENSOR_CHIPS - 1);
	assert_string_equal(chips[3].name, "nvme");
	assert_string_equal(chips[3].path, "sys/class/hwmon/hwmon4");
	world_free(world);
}

/* libsensors on the machine at hand, whatever it has: an answer or a reason, and no trace left. */
static void test_real_machine(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	(void)state;
	assert_non_null(world);
	world_use(world, "/");
	world->env.real_root = true;
	open_and_read(world);
	world_free(world);
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
	int64_t milli; /* 0: unknown */
} limit_rows[] = {
	{{CHIP_0("coretemp"), {HWMON "0/temp1_crit", "100000\n"}}, 100000},
	{{CHIP_0("coretemp"), {HWMON "0/temp1_crit", "100000\n"}, {HWMON "0/temp1_max", "82000\n"}},
	 100000},
	{{CHIP_0("k10temp"), {HWMON "0/temp1_max", "70000\n"}}, 70000},
	{{CHIP_0("k10temp")}, 0},
	/* What chips say that have no limit. */
	{{CHIP_0("k10temp"), {HWMON "0/temp1_crit", "0\n"}}, 0},
	{{CHIP_0("k10temp"), {HWMON "0/temp1_crit", "255875\n"}}, 0},
	{{CHIP_0("k10temp"), {HWMON "0/temp1_crit", "-274000\n"}}, 0},
	{{CHIP_0("k10temp"), {HWMON "0/temp1_crit", "hot\n"}}, 0},
	/* The passive trip point is where the kernel lowers it; of several the lowest. */
	{{CHIP_0("cpu_thermal"),
	  {HWMON "0/temp1_crit", "95000\n"},
	  {ZONE "1/type", "cpu-thermal\n"},
	  ZONE_TRIP("0", "critical", "95000"),
	  ZONE_TRIP("1", "passive", "85000"),
	  ZONE_TRIP("2", "passive", "75000")},
	 75000},
	/* One that nobody has set; one of another zone; one behind a gap. */
	{{CHIP_0("coretemp"),
	  {HWMON "0/temp1_crit", "100000\n"},
	  {ZONE "1/type", "x86_pkg_temp\n"},
	  ZONE_TRIP("0", "passive", "-274000"),
	  ZONE_TRIP("2", "passive", "75000")},
	 100000},
	{{CHIP_0("coretemp"),
	  {HWMON "0/temp1_crit", "100000\n"},
	  {ZONE "1/type", "gpu-thermal\n"},
	  ZONE_TRIP("0", "passive", "75000")},
	 100000},
	/* No chip at all. */
	{{{ZONE "1/type", "soc-thermal\n"},
	  {ZONE "1/temp", "50000\n"},
	  ZONE_TRIP("0", "active", "45000"),
	  ZONE_TRIP("1", "critical", "105000")},
	 105000},
	/* The firmware of a Pi comes first, unless the kernel is told to be earlier. */
	{{CHIP_0("cpu_thermal"),
	  MODEL("Raspberry Pi 3 Model B Plus Rev 1.3"),
	  {ZONE "1/type", "cpu-thermal\n"},
	  ZONE_TRIP("0", "passive", "85000")},
	 80000},
	{{CHIP_0("cpu_thermal"),
	  MODEL("Raspberry Pi 4 Model B Rev 1.4"),
	  {ZONE "1/type", "cpu-thermal\n"},
	  ZONE_TRIP("0", "passive", "70000")},
	 70000},
	{{CHIP_0("cpu_thermal"), MODEL("FriendlyElec NanoPi R5S")}, 0},
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
		expect_temp(world, 50000);
		if (limit_rows[i].milli == 0)
			assert_text_has(role_reason(world, ROLE_SOC_TEMP_LIMIT), "nothing tells");
		else
			assert_int_equal(world_role(world, ROLE_SOC_TEMP_LIMIT),
					 limit_rows[i].milli);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boards),	       cmocka_unit_test(test_chosen_sensor),
		cmocka_unit_test(test_nothing_at_all), cmocka_unit_test(test_order_of_chips),
		cmocka_unit_test(test_thermal_zone),   cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_appears_later),  cmocka_unit_test(test_moves),
		cmocka_unit_test(test_scan_limits),    cmocka_unit_test(test_real_machine),
		cmocka_unit_test(test_limit),	       cmocka_unit_test(test_throttled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
