/* SPDX-License-Identifier: MIT */
/* Who this Pi is, and that what identifies it does not leave it in readable form. */
#include "fake-root.h"

#include "agent/identity.h"
#include "agent/render.h"
#include "collectors/collectors.h"

#define SERIAL "proc/device-tree/serial-number"
#define MACHINE "etc/machine-id"

static struct identity read_identity(struct fixture *fixture, const char *configured)
{
	struct identity identity;

	memset(&identity, 'x', sizeof(identity));
	identity_read(fixture->env.root_fd, configured, &identity);
	return identity;
}

static void test_serial(void **state)
{
	struct fixture *fixture = fixture_new(&self_collector);
	struct identity identity;
	char id[65];

	(void)state;
	put(fixture, MACHINE, "0123456789abcdef0123456789abcdef\n");
	/* Device tree strings end with NUL, which counts. */
	put_bytes(fixture, SERIAL, O_TRUNC, "10000000abcdef01", 17);
	identity = read_identity(fixture, "");
	assert_int_equal(strlen(identity.serial_hash), 12);
	assert_null(strstr(identity.serial_hash, "abcdef01"));
	snprintf(id, sizeof(id), "pi-%s", identity.serial_hash);
	assert_string_equal(identity.id, id);
	assert_string_equal(identity.origin, "SoC serial number");

	/* The id of older versions: a subscriber must not see a new Pi after an upgrade. */
	assert_string_equal(identity.serial_hash, "5e451cd44a33");

	/* Another name, the same board. */
	struct identity named = read_identity(fixture, "attic");
	assert_string_equal(named.id, "attic");
	assert_string_equal(named.serial_hash, identity.serial_hash);
	fixture_free(fixture);
}

static void test_no_serial(void **state)
{
	static const char *const serials[] = {"", "0000000000000000", "0", "\n", NULL};

	(void)state;
	for (size_t i = 0; i < sizeof(serials) / sizeof(serials[0]); i++) {
		struct fixture *fixture = fixture_new(&self_collector);

		put(fixture, MACHINE, "0123456789abcdef0123456789abcdef\n");
		if (serials[i])
			put(fixture, SERIAL, serials[i]);
		struct identity identity = read_identity(fixture, "");
		assert_string_equal(identity.serial_hash, "");
		assert_string_equal(identity.origin, "machine id");
		assert_memory_equal(identity.id, "pi-", 3);
		fixture_free(fixture);
	}
}

static void test_document(void **state)
{
	const struct about about = {
		.id = "attic",
		.model = "Raspberry Pi 5 Model B Rev 1.0",
		.serial_hash = "0123456789ab",
		.firmware = "2024/09/23 14:02:56 26826259",
		.kernel = "6.12.47+rpt-rpi-2712",
		.version = "1.2",
		.libraries = "libuv 1.44.2",
		.config_digest = "0011223344556677",
		.started_ms = 1763650931000,
	};
	const struct about little = {
		.id = "pc", .version = "1.2", .libraries = "", .config_digest = ""};
	struct report report = {.kind = REPORT_ABOUT, .about = &about};
	char text[RENDER_SIZE];

	(void)state;
	assert_true(render_report(text, sizeof(text), &report) > 0);
	assert_string_equal(text, "{\"id\":\"attic\",\"model\":\"Raspberry Pi 5 Model B Rev 1.0\","
				  "\"serial_hash\":\"0123456789ab\","
				  "\"firmware\":\"2024/09/23 14:02:56 26826259\","
				  "\"kernel\":\"6.12.47+rpt-rpi-2712\",\"version\":\"1.2\","
				  "\"libraries\":\"libuv 1.44.2\",\"started\":1763650931000,"
				  "\"config_digest\":\"0011223344556677\"}");
	report.about = &little;
	assert_true(render_report(text, sizeof(text), &report) > 0);
	assert_non_null(strstr(text, "\"serial_hash\":null,\"firmware\":null"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serial),
		cmocka_unit_test(test_no_serial),
		cmocka_unit_test(test_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
