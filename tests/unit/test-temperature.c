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
		int64_t milli, hz, critical;
		bool undervoltage;
	} rows[] = {
		{"pi3b", 56388, 1200000000, 90000, true},
		{"pi4", 48686, 1500000000, 110000, false},
		/* Not the 49338 of rp1_adc, which comes first. */
		{"pi5", 52900, 2400000000, 110000, false},
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
		assert_int_equal(world_value(world, "soc", "critical_temp_c"), rows[i].critical);
		assert_text_has(role_reason(world, ROLE_THROTTLED), "no cooling device");
		world_free(world);
	}
}

/* What only a Pi 5 has. */
static void test_rp1_and_fan(void **state)
{
	struct world *world = world_board("pi5");

	(void)state;
	open_and_read(world);
	assert_int_equal(world_value(world, "soc", "rp1_temp_c"), 49338);
	assert_int_equal(world_value(world, "soc", "fan_rpm"), 2711);
	world_free(world);

	world = world_board("pi4");
	open_and_read(world);
	assert_text_has(world_reason(world, "soc", "rp1_temp_c"), "rp1_adc");
	assert_text_has(world_reason(world, "soc", "fan_rpm"), "pwmfan");
	world_free(world);
}

/* rpi_volt of Linux 7.2 measures voltages, too; they are no alarm and no temperature. */
static void test_newer_rpi_volt(void **state)
{
	static const char *const labels[] = {"core", "sdram_c", "sdram_i", "sdram_p"};
	struct world *world = world_new();

	(void)state;
	world_write(world, HWMON "0/name", "rpi_volt\n");
	for (int i = 0; i < 4; i++) {
		char path[64];

		snprintf(path, sizeof(path), HWMON "0/in%d_input", i);
		world_write(world, path, "1200\n");
		snprintf(path, sizeof(path), HWMON "0/in%d_label", i);
		world_write(world, path, labels[i]);
	}
	open_and_read(world);
	assert_text_has(world_reason(world, "soc", "undervoltage"), "rpi_volt");
	assert_text_has(world_reason(world, "soc", "temp_c"), "no hwmon chip");
	world_write(world, HWMON "0/in0_lcrit_alarm", "1\n");
	later(world, 60);
	assert_int_equal(world_value(world, "soc", "undervoltage"), 1);
	world_free(world);
}

/* Between two ticks of a second nothing is read: the loop may run ten times as often. */
static void test_pace(void **state)
{
	struct world *world = world_board("pi4");

	(void)state;
	open_and_read(world);
	batch_reset(&world->batch);
	world->now_ns += 100 * NS_PER_MS;
	assert_int_equal(
		temperature_collector.module.read(world->self, world->now_ns, &world->batch), 0);
	assert_int_equal(world->batch.sample_count, 0);
	world->now_ns += 800 * NS_PER_MS;
	world_read(world);
	world_free(world);
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
		{HWMON "2/temp1_input", "-41000\n", "rp1_temp_c", "cannot be"},
		{HWMON "3/fan1_input", "50001\n", "fan_rpm", "cannot be"},
		{HWMON "3/fan1_input", "-1\n", "fan_rpm", "cannot be"},
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
		world_write(world, HWMON "2/name", "rp1_adc\n");
		world_write(world, HWMON "2/temp1_input", "40000\n");
		world_write(world, HWMON "3/name", "pwmfan\n");
		world_write(world, HWMON "3/fan1_input", "0\n");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rp1_and_fan),    cmocka_unit_test(test_newer_rpi_volt),
		cmocka_unit_test(test_pace),	       cmocka_unit_test(test_boards),
		cmocka_unit_test(test_chosen_sensor),  cmocka_unit_test(test_nothing_at_all),
		cmocka_unit_test(test_order_of_chips), cmocka_unit_test(test_thermal_zone),
		cmocka_unit_test(test_bad_values),     cmocka_unit_test(test_appears_later),
		cmocka_unit_test(test_moves),	       cmocka_unit_test(test_scan_limits),
		cmocka_unit_test(test_real_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
