/* SPDX-License-Identifier: MIT */
/*
 * The network collector: which interfaces count, and sums that survive interfaces that come, go, wrap
 * or start anew.
 */
#include "collector-fixture.h"

#include "collectors/network_parse.h"

#define HEADING                                                                                    \
	"Inter-|   Receive                                                |  Transmit\n"           \
	" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs " \
	"drop fifo colls carrier compressed\n"
#define WRAP (INT64_C(1) << 32)

struct traffic {
	const char *name; /* NULL ends */
	int64_t rx, tx;
};

/* Writes /proc/net/dev and reads it, a second later. */
static void pass(struct world *world, const struct traffic *traffic)
{
	char text[16 * 1024] = HEADING;
	size_t used = strlen(text);

	for (; traffic->name; traffic++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%6s: %lld 1 0 0 0 0 0 0 %lld 1 0 0 0 0 0 0\n",
					 traffic->name, (long long)traffic->rx,
					 (long long)traffic->tx);
	assert_true(used < sizeof(text));
	world_write(world, "proc/net/dev", text);
	if (!world->self)
		world_open(world, &network_collector, NULL, NULL);
	world->now_ns += NS_PER_S;
	world_read(world);
}

#define PASS(world, ...) pass((world), (const struct traffic[]){__VA_ARGS__, {NULL, 0, 0}})

static void expect(struct world *world, int64_t rx, int64_t tx)
{
	assert_int_equal(world_value(world, "net", "rx_bytes_s"), rx);
	assert_int_equal(world_value(world, "net", "tx_bytes_s"), tx);
}

/* A world in which these interfaces have a device behind them. */
static struct world *world_with_devices(const char *first, const char *second)
{
	struct world *world = world_new();
	const char *names[] = {first, second};

	for (size_t i = 0; i < 2; i++) {
		char path[64];

		snprintf(path, sizeof(path), "sys/class/net/%s/device/uevent", names[i]);
		world_write(world, path, "DRIVER=test\n");
	}
	return world;
}

static void test_boards(void **state)
{
	static const char *const boards[] = {"pi3b", "pi4", "pi5"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct world *world = world_board(boards[i]);

		world_open(world, &network_collector, NULL, NULL);
		world_read(world);
		expect(world, 0, 0); /* what was before the agent is not counted */
		world_free(world);
	}
}

static void test_devices_count_once(void **state)
{
	struct world *world = world_with_devices("eth0", "wlan0");

	(void)state;
	PASS(world, {"lo", 5, 5}, {"eth0", 1000, 100}, {"wlan0", 10, 1}, {"docker0", 0, 0},
	     {"veth12", 0, 0}, {"eth0.7", 0, 0}, {"wg0", 0, 0});
	expect(world, 0, 0);
	PASS(world, {"lo", 9995, 9995}, {"eth0", 1500, 140}, {"wlan0", 12, 4}, {"docker0", 300, 30},
	     {"veth12", 300, 30}, {"eth0.7", 300, 30}, {"wg0", 200, 20});
	expect(world, 502, 43);
	world_free(world);
}

static void test_container_without_devices(void **state)
{
	struct world *world = world_new();

	(void)state;
	PASS(world, {"lo", 5, 5}, {"eth0", 1000, 100}, {"docker0", 0, 0}, {"veth12", 0, 0},
	     {"br-beef", 0, 0});
	PASS(world, {"lo", 50, 50}, {"eth0", 1001, 102}, {"docker0", 40, 40}, {"veth12", 40, 40},
	     {"br-beef", 1, 1});
	expect(world, 1, 2);
	/* A card is plugged in: from now on only it counts. */
	world_write(world, "sys/class/net/usb0/device/uevent", "DRIVER=test\n");
	PASS(world, {"eth0", 1001, 102}, {"usb0", 70, 7});
	expect(world, 1, 2);
	PASS(world, {"eth0", 9001, 902}, {"usb0", 80, 8});
	expect(world, 11, 3);
	world_free(world);
}

static void test_come_and_go(void **state)
{
	struct world *world = world_with_devices("eth0", "usb0");

	(void)state;
	PASS(world, {"eth0", 1000, 100});
	PASS(world, {"eth0", 1100, 110}, {"usb0", 5000, 500}); /* its past is not ours */
	expect(world, 100, 10);
	PASS(world, {"usb0", 5010, 501}, {"eth0", 1200, 120}); /* in another order */
	expect(world, 210, 21);
	PASS(world, {"eth0", 1300, 130});
	expect(world, 310, 31);
	PASS(world, {"eth0", 1300, 130}, {"usb0", 7, 7}); /* back, from 0 */
	expect(world, 310, 31);
	PASS(world, {"lo", 1, 1});
	assert_text_has(world_reason(world, "net", "rx_bytes_s"), "no interface besides lo");
	PASS(world, {"eth0", 9, 9});
	expect(world, 310, 31);
	PASS(world, {"eth0", 10, 10});
	expect(world, 311, 32);
	world_free(world);
}

static void test_wrap_and_reset(void **state)
{
	struct world *world = world_with_devices("eth0", "usb0");

	(void)state;
	PASS(world, {"eth0", WRAP - 100, 100});
	PASS(world, {"eth0", 50, 110}); /* 32 bits, wrapped */
	expect(world, 150, 10);
	PASS(world, {"eth0", 1000000, 1000000});
	expect(world, 1000100, 999900);
	PASS(world, {"eth0", 10, 20}); /* driver loaded anew */
	expect(world, 1000100, 999900);
	PASS(world, {"eth0", WRAP - 10, WRAP - 10});
	PASS(world, {"eth0", 1, 1}); /* both at once: a reset as well */
	expect(world, 1000100 + WRAP - 20, 999900 + WRAP - 30);
	world_free(world);
}

static void test_growth(void **state)
{
	static const struct {
		int64_t before, after, elapsed_ns, growth;
		bool reset;
	} rows[] = {
		{0, 0, NS_PER_S, 0, false},
		{5, 9, NS_PER_S, 4, false},
		{0, INT64_MAX, NS_PER_S, INT64_MAX, false},
		{WRAP - 1, 0, NS_PER_S, 1, false},
		/* 1 Gbit/s is 125 MB in a second: possible, not possible, possible in two. */
		{WRAP - 125000000, 0, NS_PER_S, 125000000, false},
		{WRAP - 126000000, 0, NS_PER_S, 0, true},
		{WRAP - 126000000, 0, 2 * NS_PER_S, 126000000, false},
		{WRAP, 0, NS_PER_S, 0, true},
		{INT64_MAX, 0, NS_PER_S, 0, true},
		{INT64_MAX, INT64_MAX - 1, NS_PER_S, 0, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool reset = !rows[i].reset;

		assert_int_equal(network_growth(rows[i].before, rows[i].after, rows[i].elapsed_ns,
						&reset),
				 rows[i].growth);
		assert_int_equal(reset, rows[i].reset);
	}
}

#define REST " 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int result;
	} rows[] = {
		{HEADING, 0},
		{HEADING "    lo: 5" REST, 0},
		{HEADING "  eth0: 5" REST, 1},
		{HEADING "eth0:5" REST "enx001122334455:9" REST, 2},
		{HEADING "fifteen-letters: 5" REST, 1},
		{HEADING "sixteen--letters: 5" REST, -EBADMSG},
		{"", -EBADMSG},
		{"  eth0: 5" REST, -EBADMSG},
		{"Inter-|   Receive |\n", -EBADMSG},
		{"Inter-|   Receive |\n  eth0: 5" REST, -EBADMSG},
		{HEADING "  eth0: 5 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0", -EBADMSG},
		{HEADING "  eth0: 5 1 0 0 0 0 0 0 7 1 0 0 0 0 0\n", -EBADMSG},
		{HEADING "  eth0: 5 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0 0\n", -EBADMSG},
		{HEADING "  eth0: -5" REST, -EBADMSG},
		{HEADING "  eth0: 99999999999999999999" REST, -EBADMSG},
		{HEADING "  : 5" REST, -EBADMSG},
		{HEADING "  eth0\n", -EBADMSG},
		{HEADING "\n", -EBADMSG},
	};
	struct network_line lines[NETWORK_INTERFACES];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(network_parse(rows[i].text, lines), rows[i].result);
	assert_int_equal(network_parse(HEADING "  eth0: 5" REST, lines), 1);
	assert_string_equal(lines[0].name, "eth0");
	assert_int_equal(lines[0].rx_bytes, 5);
	assert_int_equal(lines[0].tx_bytes, 7);
}

static void test_too_many(void **state)
{
	char names[NETWORK_INTERFACES + 1][NETWORK_NAME_SIZE];
	struct traffic traffic[NETWORK_INTERFACES + 2] = {{NULL, 0, 0}};
	struct world *world = world_new();

	(void)state;
	for (int i = 0; i <= NETWORK_INTERFACES; i++) {
		snprintf(names[i], sizeof(names[i]), "if%d", i);
		traffic[i] = (struct traffic){names[i], 1, 1};
	}
	pass(world, traffic);
	assert_text_has(world_reason(world, "net", "tx_bytes_s"), "too many");
	traffic[NETWORK_INTERFACES].name = NULL;
	pass(world, traffic);
	expect(world, 0, 0);
	traffic[NETWORK_INTERFACES - 1].rx = 9;
	pass(world, traffic);
	expect(world, 8, 0);
	world_free(world);
}

static void test_bad_files(void **state)
{
	struct world *world = world_new();

	(void)state;
	world_open(world, &network_collector, NULL, NULL);
	world_read(world);
	assert_text_has(world_reason(world, "net", "rx_bytes_s"), "not there");
	world_free(world);

	world = world_new();
	PASS(world, {"eth0", 5, 5});
	world_write(world, "proc/net/dev", HEADING "  eth0: 9999 1 0");
	world_read(world);
	assert_text_has(world_reason(world, "net", "rx_bytes_s"), "cut off");
	PASS(world, {"eth0", 6, 7});
	expect(world, 1, 2);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boards),
		cmocka_unit_test(test_devices_count_once),
		cmocka_unit_test(test_container_without_devices),
		cmocka_unit_test(test_come_and_go),
		cmocka_unit_test(test_wrap_and_reset),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_bad_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
