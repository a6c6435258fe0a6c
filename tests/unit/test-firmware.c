/* SPDX-License-Identifier: MIT */
/* The collector below a root of its own: what it hands in, and which events it makes of it. */
#include "fake-root.h"

#include "collectors/collectors.h"
#include "collectors/firmware_poll.h"

#include "firmware-texts.h"

#define NODE "dev/vcio_gencmd"
#define POWER "proc/device-tree/chosen/power/"
#define LOADER "proc/device-tree/chosen/bootloader/"

/* The file of answers: the bits, and the supply's voltage if there is one. */
static void answer(struct fixture *fixture, const char *bits, const char *volts)
{
	char text[256];

	snprintf(text, sizeof(text), "get_throttled throttled=%s\n", bits);
	if (volts)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "pmic_read_adc EXT5V_V volt(24)=%sV\n", volts);
	put(fixture, NODE, text);
}

static struct fixture *running(const char *bits, const char *volts)
{
	struct fixture *fixture = fixture_new(&firmware_collector);

	answer(fixture, bits, volts);
	start(fixture);
	return fixture;
}

static void sample(struct fixture *fixture)
{
	sample_after(fixture, FIRMWARE_PERIOD_NS);
}

/* Other answers from now on; the number of events that came of it. */
static size_t events_of(struct fixture *fixture, const char *bits, const char *volts)
{
	answer(fixture, bits, volts);
	sample(fixture);
	return fixture->batch.event_count;
}

static void expect_event(struct fixture *fixture, const char *kind, enum severity severity,
			 const char *part)
{
	const struct event *event = &fixture->batch.events[0];

	assert_int_equal(fixture->batch.event_count, 1);
	assert_string_equal(event->kind, kind);
	assert_int_equal(event->severity, severity);
	assert_non_null(strstr(event->text, part));
}

static int64_t role_value(struct fixture *fixture, enum metric_role role, unsigned nth)
{
	for (unsigned i = 0; i < fixture->module->metric_count; i++)
		if (fixture->module->metrics[i].role == role && nth-- == 0)
			return sample_of(fixture, i)->value;
	fail_msg("no such metric");
	return 0;
}

/* Each bit has its name, and only its name. */
static void test_bits(void **state)
{
	static const struct {
		const char *bits, *name; /* NULL: not published */
	} rows[] = {
		{"0x1", NULL},
		{"0x2", "freq_capped"},
		{"0x4", "throttled"},
		{"0x8", "soft_limit"},
		{"0x10000", "undervoltage_since_boot"},
		{"0x20000", "freq_capped_since_boot"},
		{"0x40000", "throttled_since_boot"},
		{"0x80000", "soft_limit_since_boot"},
		{"0xfff0fff0", "none of them"},
	};
	const size_t count = sizeof(rows) / sizeof(rows[0]);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct fixture *fixture = running(rows[i].bits, NULL);

		sample(fixture);
		for (size_t j = 0; j + 1 < count; j++)
			assert_int_equal(value_of(fixture, "soc", rows[j].name), i == j);
		/* What the decision sees; the soft limit is nothing to it. */
		assert_int_equal(role_value(fixture, ROLE_UNDERVOLTAGE, 0), i == 0);
		assert_int_equal(role_value(fixture, ROLE_THROTTLED, 0), i == 1);
		assert_int_equal(role_value(fixture, ROLE_THROTTLED, 1), i == 2);
		fixture_free(fixture);
	}
}

static void test_nothing_at_all(void **state)
{
	struct fixture *fixture = fixture_new(&firmware_collector);

	(void)state;
	start(fixture);
	sample(fixture);
	assert_non_null(strstr(reason_of(fixture, "soc", "throttled"), "needs a Raspberry Pi"));
	assert_non_null(strstr(reason_of(fixture, "soc", "supply_v"), "needs a Raspberry Pi"));
	assert_non_null(strstr(reason_of(fixture, "soc", "reset_reason"), "device tree of a Pi 5"));
	assert_null(fixture->module->firmware(fixture->self));
	assert_int_equal(fixture->batch.event_count, 0);
	fixture_free(fixture);
}

/* A Pi 3 or 4: bits, but no rails, and that is no failure. */
static void test_no_power_chip(void **state)
{
	struct fixture *fixture = running("0x0", NULL);

	(void)state;
	sample(fixture);
	assert_int_equal(value_of(fixture, "soc", "throttled"), 0);
	assert_non_null(strstr(reason_of(fixture, "soc", "supply_v"), "only the power chip"));
	assert_non_null(strstr(reason_of(fixture, "soc", "rails_w"), "only the power chip"));
	fixture_free(fixture);
}

static void expect_no_bits(const char *text)
{
	struct fixture *fixture = fixture_new(&firmware_collector);

	put(fixture, NODE, text);
	start(fixture);
	for (int n = 0; n < 20; n++)
		sample(fixture);
	assert_non_null(strstr(reason_of(fixture, "soc", "throttled"), "failed"));
	fixture_free(fixture);
}

/* A file with answers that do not fit, are cut off or none at all. */
static void test_hostile_file(void **state)
{
	static const char *const texts[] = {
		"",
		"get_throttled",
		"get_throttled \n",
		"\n\n\n",
		"get_throttled=0x5\n",
		"get_throttled throttled=0x5 0x6\n",
		"\1\2\3",
		"version throttled=0x0\n",
		"get_throttled error=1 error_msg=\"x\"\n",
		"pmic_read_adc throttled=0x50000\n",
		"get_throttled throttled=0x1\nget_throttled x",
	};
	static const char good[] = "get_throttled throttled=0x1\n";
	char *huge = malloc(20000);

	(void)state;
	assert_non_null(huge);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_no_bits(texts[i]);
	/* Too much for a file, and for an answer: a part of it is not taken for the whole. */
	memset(huge, '\n', 19999);
	memcpy(huge, good, strlen(good));
	huge[19999] = '\0';
	expect_no_bits(huge);
	memset(huge + strlen(good) - 1, ' ', FIRMWARE_TEXT_SIZE);
	huge[FIRMWARE_TEXT_SIZE + strlen(good)] = '\0';
	expect_no_bits(huge);
	free(huge);
}

static void test_throttled_events(void **state)
{
	struct fixture *fixture = running("0x0", NULL);

	(void)state;
	sample(fixture);
	assert_int_equal(fixture->batch.event_count, 0);
	assert_int_equal(events_of(fixture, "0x20002", NULL), 1);
	expect_event(fixture, "throttled", SEVERITY_WARNING, "frequency capped");
	/* It goes on and off at the limit: one episode. */
	for (int i = 0; i < 50; i++)
		assert_int_equal(events_of(fixture, i % 11 ? "0x60000" : "0x60006", NULL), 0);
	for (int i = 0; i < 6; i++)
		assert_int_equal(events_of(fixture, "0x60000", NULL), 0);
	assert_int_equal(events_of(fixture, "0x60000", NULL), 1);
	expect_event(fixture, "throttled-end", SEVERITY_INFO, "not lowered any more");
	assert_int_equal(events_of(fixture, "0x60000", NULL), 0);
	/* The soft limit of a Pi 3B+ is no event. */
	assert_int_equal(events_of(fixture, "0x80008", NULL), 0);
	fixture_free(fixture);
}

/* While the firmware tells nothing, nothing ends. */
static void test_no_end_in_the_dark(void **state)
{
	struct fixture *fixture = running("0x4", NULL);

	(void)state;
	sample(fixture);
	assert_int_equal(fixture->batch.event_count, 1);
	put(fixture, NODE, "");
	for (int i = 0; i < 100; i++) {
		sample(fixture);
		assert_int_equal(fixture->batch.event_count, 0);
	}
	answer(fixture, "0x0", NULL);
	for (int i = 0; i < 13 && fixture->batch.event_count == 0; i++)
		sample(fixture);
	expect_event(fixture, "throttled-end", SEVERITY_INFO, "");
	fixture_free(fixture);
}

/* The kernel's own lines become events elsewhere: two for one fault would be one too many. */
static void test_undervoltage_events(void **state)
{
	struct fixture *fixture = running("0x1", NULL);

	(void)state;
	sample(fixture);
	expect_event(fixture, "undervoltage", SEVERITY_WARNING, "Supply too weak");
	/* It lowers the clock, which is the same fault, for as long as it takes. */
	assert_int_equal(events_of(fixture, "0x50005", NULL), 0);
	assert_int_equal(events_of(fixture, "0x50004", NULL), 0);
	assert_int_equal(events_of(fixture, "0x50005", NULL), 0);
	for (int i = 0; i < 11; i++)
		assert_int_equal(events_of(fixture, "0x10000", NULL), 0);
	assert_int_equal(events_of(fixture, "0x10000", NULL), 1);
	expect_event(fixture, "undervoltage-end", SEVERITY_INFO, "Supply is back");
	fixture_free(fixture);

	fixture = fixture_new(&firmware_collector);
	put(fixture, "sys/class/hwmon/hwmon3/name", "rpi_volt\n");
	answer(fixture, "0x5", NULL);
	start(fixture);
	sample(fixture);
	assert_int_equal(fixture->batch.event_count, 0);
	/* Heat alone lowers it later. */
	for (int i = 0; i < 12; i++)
		assert_int_equal(events_of(fixture, "0x0", NULL), 0);
	assert_int_equal(events_of(fixture, "0x4", NULL), 1);
	expect_event(fixture, "throttled", SEVERITY_WARNING, "too hot");
	fixture_free(fixture);
}

static void test_supply_events(void **state)
{
	struct fixture *fixture = running("0x0", "4.800");

	(void)state;
	sample(fixture);
	assert_int_equal(value_of(fixture, "soc", "supply_v"), 4800);
	assert_int_equal(fixture->batch.event_count, 0);
	assert_int_equal(events_of(fixture, "0x0", "4.799"), 1);
	expect_event(fixture, "supply-low", SEVERITY_WARNING, "4.79 V");
	assert_string_equal(fixture->batch.events[0].values[0].name, "millivolts");
	assert_int_equal(fixture->batch.events[0].values[0].value, 4799);
	/* Between the two lines it is still low, however long. */
	for (int i = 0; i < 30; i++)
		assert_int_equal(events_of(fixture, "0x0", "4.849"), 0);
	assert_int_equal(events_of(fixture, "0x0", "4.700"), 0);
	/* Worse is told once more, and better than that is no end. */
	assert_int_equal(events_of(fixture, "0x0", "4.699"), 1);
	expect_event(fixture, "supply-low", SEVERITY_CRITICAL, "4.69 V");
	assert_int_equal(events_of(fixture, "0x0", "4.750"), 0);
	assert_int_equal(events_of(fixture, "0x0", "4.650"), 0);
	for (int i = 0; i < 11; i++)
		assert_int_equal(events_of(fixture, "0x0", "4.850"), 0);
	assert_int_equal(events_of(fixture, "0x0", "5.100"), 1);
	expect_event(fixture, "supply-low-end", SEVERITY_INFO, "lowest was 4.65 V");
	/* A new episode begins anew. */
	assert_int_equal(events_of(fixture, "0x0", "4.790"), 1);
	expect_event(fixture, "supply-low", SEVERITY_WARNING, "4.79 V");
	fixture_free(fixture);
}

static void put_word(struct fixture *fixture, const char *path, uint32_t word)
{
	const char bytes[4] = {(char)(word >> 24), (char)(word >> 16), (char)(word >> 8),
			       (char)word};

	put_bytes(fixture, path, O_TRUNC, bytes, sizeof(bytes));
}

static void test_reset(void **state)
{
	static const struct {
		uint32_t word;
		const char *uptime; /* NULL: no file */
		bool event;
		const char *reason;
	} rows[] = {
		{2, "12.34 40.00\n", true, "undervoltage"},
		{4, NULL, true, "overheat"},
		{1, "599.99 1.0\n", true, "overvoltage"},
		{16, "garbage", true, "watchdog"},
		/* The agent was started anew, the machine was not. */
		{2, "600.00 1.0\n", false, "undervoltage"},
		{0, "12.34 40.00\n", false, "none"},
		{8, "12.34 40.00\n", false, "enable"},
		/* What the documentation does not name is not interpreted. */
		{0x20, "12.34 40.00\n", false, "0x20"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *fixture = fixture_new(&firmware_collector);

		put_word(fixture, POWER "power_reset", rows[i].word);
		put_word(fixture, POWER "max_current", 5000);
		put_word(fixture, POWER "usb_over_current_detected", i % 2);
		if (rows[i].uptime)
			put(fixture, "proc/uptime", rows[i].uptime);
		start(fixture);
		sample(fixture);
		assert_string_equal(text_of(fixture, "soc", "reset_reason"), rows[i].reason);
		assert_int_equal(value_of(fixture, "soc", "supply_max_a"), 5000);
		assert_int_equal(value_of(fixture, "soc", "usb_over_current"), i % 2);
		assert_int_equal(fixture->batch.event_count, rows[i].event);
		if (rows[i].event)
			expect_event(fixture, "reset", SEVERITY_WARNING, rows[i].reason);
		sample(fixture);
		assert_int_equal(fixture->batch.event_count, 0);
		fixture_free(fixture);
	}
}

/* Words of another length are no words. */
static void test_bad_words(void **state)
{
	struct fixture *fixture = fixture_new(&firmware_collector);

	(void)state;
	put(fixture, POWER "power_reset", "");
	put(fixture, POWER "max_current", "abc");
	put(fixture, POWER "usb_over_current_detected", "abcdefghijkl");
	start(fixture);
	sample(fixture);
	reason_of(fixture, "soc", "reset_reason");
	reason_of(fixture, "soc", "supply_max_a");
	reason_of(fixture, "soc", "usb_over_current");
	fixture_free(fixture);
}

static void test_version(void **state)
{
	struct fixture *fixture = fixture_new(&firmware_collector);

	(void)state;
	/* The boot loader of a Pi 4 or 5, where the firmware itself cannot be asked. */
	put(fixture, LOADER "version", "26826259\n");
	put_word(fixture, LOADER "build-timestamp", 1727100176);
	start(fixture);
	assert_string_equal(fixture->module->firmware(fixture->self),
			    "boot loader 2024/09/23 14:02:56 26826259");
	fixture_free(fixture);

	fixture = fixture_new(&firmware_collector);
	put(fixture, NODE,
	    "version Mar 24 2022 13:19:26 \nversion Copyright\nversion version abc (clean)\n");
	put(fixture, LOADER "version", "26826259\n");
	start(fixture);
	assert_string_equal(fixture->module->firmware(fixture->self), "Mar 24 2022 13:19:26 abc");
	fixture_free(fixture);

	/* Half of it is nothing. */
	fixture = fixture_new(&firmware_collector);
	put(fixture, LOADER "version", "26826259\n");
	start(fixture);
	assert_null(fixture->module->firmware(fixture->self));
	fixture_free(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_nothing_at_all),
		cmocka_unit_test(test_no_power_chip),
		cmocka_unit_test(test_hostile_file),
		cmocka_unit_test(test_throttled_events),
		cmocka_unit_test(test_no_end_in_the_dark),
		cmocka_unit_test(test_undervoltage_events),
		cmocka_unit_test(test_supply_events),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_bad_words),
		cmocka_unit_test(test_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
