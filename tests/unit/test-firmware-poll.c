/* SPDX-License-Identifier: MIT */
/*
 * The way to the firmware and the pace, against a firmware that is made up here: it looks at each
 * message as the kernel's driver would, and answers well, wrong, late or not at all.
 */
#include "fake-root.h"

#include "collectors/collectors.h"
#include "collectors/firmware_poll.h"

#include "firmware-texts.h"

static struct {
	int error;		   /* of the system call, 0: none */
	uint32_t result;	   /* of the command */
	const char *answer;	   /* to get_throttled */
	const char *rails;	   /* to pmic_read_adc; NULL: it is not known here */
	int fill;		   /* byte to fill the whole room for text with; 0: none */
	int64_t bits_ns, rails_ns; /* that an answer takes */
	unsigned asked, asked_rails;
} mock;

static int fake_request(int fd, uint32_t *message)
{
	char *text = (char *)&message[6];

	(void)fd;
	/* drivers/char/broadcom/vcio.c: the sizes fit each other, the tag is allowed, then the end. */
	assert_int_equal(message[0], 4 * (6 + FIRMWARE_TEXT_SIZE / 4 + 1));
	assert_int_equal(message[1], 0);
	assert_int_equal(message[2], 0x00030080);
	assert_true(message[3] <= message[0] - 8 - 12);
	assert_int_equal(message[4], 0);
	assert_int_equal(message[5], 0);
	assert_int_equal(message[message[0] / 4 - 1], 0);
	/* Never a parameter. */
	assert_null(strchr(text, ' '));

	bool rails = strcmp(text, "pmic_read_adc") == 0;
	mock.asked++;
	mock.asked_rails += rails;
	clock_ns += rails ? mock.rails_ns : mock.bits_ns;
	if (mock.error)
		return mock.error;
	message[1] = 0x80000000;
	message[5] = mock.result;
	if (rails) {
		strcpy(text, mock.rails ? mock.rails : UNKNOWN_COMMAND);
	} else {
		assert_string_equal(text, "get_throttled");
		strcpy(text, mock.answer);
	}
	if (mock.fill)
		memset(text, mock.fill, FIRMWARE_TEXT_SIZE);
	return 0;
}

struct world {
	struct fixture *fixture;
	struct firmware_poll poll;
};

static struct world *world_new(void)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->fixture = fixture_new(&firmware_collector);
	memset(&mock, 0, sizeof(mock));
	mock.answer = "throttled=0x50005";
	return world;
}

/* With one or both nodes there, as files; the firmware behind them is the one above. */
static struct world *world_with(const char *node, const char *other)
{
	struct world *world = world_new();

	put(world->fixture, node, "-");
	if (other)
		put(world->fixture, other, "-");
	firmware_poll_open(&world->poll, &world->fixture->env);
	world->poll.ask.request = fake_request;
	world->poll.ask.is_file = false;
	return world;
}

static void world_free(struct world *world)
{
	firmware_poll_close(&world->poll);
	fixture_free(world->fixture);
	free(world);
}

static bool poll_after(struct world *world, int64_t ns)
{
	clock_ns += ns;
	firmware_poll(&world->poll, clock_ns);
	return world->poll.facts.bits_known;
}

static void test_answers(void **state)
{
	struct world *world = world_with("dev/vcio_gencmd", NULL);

	(void)state;
	mock.rails = RAILS;
	assert_true(poll_after(world, 0));
	assert_int_equal(world->poll.facts.bits, 0x50005);
	assert_true(world->poll.facts.rails_known);
	assert_int_equal(world->poll.facts.rails.supply_mv, 5114);
	assert_int_equal(mock.asked, 2);
	world_free(world);
}

/* Where there is no such command it is asked for once and never again. */
static void test_no_rails(void **state)
{
	struct world *world = world_with("dev/vcio", NULL);

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_true(poll_after(world, FIRMWARE_PERIOD_NS));
		assert_false(world->poll.facts.rails_known);
	}
	assert_int_equal(mock.asked_rails, 1);
	assert_non_null(strstr(world->poll.rails_reason, "only the power chip of a Pi 5"));
	world_free(world);
}

/* Three failures, then a minute of rest, whatever the failure is. */
static void test_failures(void **state)
{
	static const struct {
		int error;
		uint32_t result;
		const char *answer;
		int fill;
		const char *reason;
	} rows[] = {
		{-EIO, 0, "", 0, "input/output error"},
		{-EINVAL, 0, "", 0, "not in the expected form"},
		{-EFAULT, 0, "", 0, "cannot be read"},
		{-ENOMEM, 0, "", 0, "cannot be read"},
		{-ETIMEDOUT, 0, "", 0, "did not answer in time"},
		{0, 1, "throttled=0x0", 0, "does not know the command"},
		{0, 0, UNKNOWN_COMMAND, 0, "does not know the command"},
		{0, 0, "", 0, "not in the expected form"},
		{0, 0, "thro", 0, "not in the expected form"},
		{0, 0, "throttled=0x", 0, "not in the expected form"},
		{0, 0, "\xff\xfe\x01", 0, "not in the expected form"},
		{0, 0, "", 'x', "has no end"},
		{0, 0, "", 0xff, "has no end"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *world = world_with("dev/vcio_gencmd", "dev/vcio");

		mock.error = rows[i].error;
		mock.result = rows[i].result;
		mock.answer = rows[i].answer;
		mock.fill = rows[i].fill;
		for (unsigned n = 1; n <= 3; n++) {
			assert_false(poll_after(world, FIRMWARE_PERIOD_NS));
			assert_int_equal(mock.asked, n);
			assert_non_null(strstr(world->poll.bits_reason, rows[i].reason));
		}
		for (int n = 0; n < 11; n++)
			assert_false(poll_after(world, FIRMWARE_PERIOD_NS));
		assert_int_equal(mock.asked, 3);

		mock.error = mock.fill = 0;
		mock.result = 0;
		mock.answer = "throttled=0x0";
		assert_true(poll_after(world, FIRMWARE_PERIOD_NS));
		world_free(world);
	}
}

/* Two failures now and then are no reason to stop. */
static void test_few_failures(void **state)
{
	struct world *world = world_with("dev/vcio_gencmd", NULL);

	(void)state;
	for (int i = 0; i < 30; i++) {
		mock.error = i % 3 ? -EIO : 0;
		assert_int_equal(poll_after(world, FIRMWARE_PERIOD_NS), !mock.error);
	}
	assert_int_equal(mock.asked - mock.asked_rails, 30);
	world_free(world);
}

/* An answer that holds the loop up is taken, and then there is rest at once. */
static void test_slow(void **state)
{
	struct world *world = world_with("dev/vcio_gencmd", NULL);

	(void)state;
	mock.rails = RAILS;
	mock.bits_ns = 101 * NS_PER_MS;
	assert_true(poll_after(world, 0));
	assert_int_equal(mock.asked, 1);
	assert_false(poll_after(world, 59 * NS_PER_S - mock.bits_ns));
	assert_non_null(strstr(world->poll.bits_reason, "101 ms"));
	assert_int_equal(mock.asked, 1);
	mock.bits_ns = 100 * NS_PER_MS;
	assert_true(poll_after(world, NS_PER_S));
	assert_int_equal(mock.asked, 3);
	assert_true(poll_after(world, FIRMWARE_PERIOD_NS));
	world_free(world);
}

/* The rails may be slow or broken for themselves: the bits go on. */
static void test_rails_rest(void **state)
{
	struct world *world = world_with("dev/vcio_gencmd", NULL);

	(void)state;
	mock.rails = RAILS;
	mock.rails_ns = NS_PER_S;
	assert_true(poll_after(world, 0));
	assert_true(world->poll.facts.rails_known);
	for (int i = 0; i < 10; i++) {
		assert_true(poll_after(world, FIRMWARE_PERIOD_NS));
		assert_false(world->poll.facts.rails_known);
	}
	assert_non_null(strstr(world->poll.rails_reason, "1000 ms"));
	assert_int_equal(mock.asked_rails, 1);

	mock.rails_ns = 0;
	mock.rails = "garbage";
	for (int i = 0; i < 14; i++)
		assert_true(poll_after(world, FIRMWARE_PERIOD_NS));
	assert_int_equal(mock.asked_rails, 1 + 3);
	assert_non_null(strstr(world->poll.rails_reason, "not in the expected form"));
	world_free(world);
}

/* EPERM means that the kernel logged us: never again there, and the other node is tried. */
static void test_refused(void **state)
{
	struct world *world = world_with("dev/vcio_gencmd", NULL);

	(void)state;
	mock.error = -EPERM;
	assert_false(poll_after(world, 0));
	assert_non_null(strstr(world->poll.bits_reason, "vcio_gencmd: the kernel refuses"));
	for (int i = 0; i < 1000; i++)
		assert_false(poll_after(world, FIRMWARE_PERIOD_NS));
	assert_int_equal(mock.asked, 1);
	/* One that comes later is found. It is a file here, because it was opened anew. */
	put(world->fixture, "dev/vcio", "get_throttled throttled=0x1\n");
	assert_true(poll_after(world, 60 * NS_PER_S));
	assert_int_equal(world->poll.facts.bits, 1);
	world_free(world);

	world = world_with("dev/vcio_gencmd", "dev/vcio");
	mock.error = -ENOTTY;
	put(world->fixture, "dev/vcio", "get_throttled throttled=0x2\n");
	assert_true(poll_after(world, 0));
	assert_int_equal(mock.asked, 1);
	assert_int_equal(world->poll.facts.bits, 2);
	world_free(world);
}

/* No node: said once a minute is looked, nothing more. */
static void test_no_node(void **state)
{
	struct world *world = world_new();

	(void)state;
	firmware_poll_open(&world->poll, &world->fixture->env);
	assert_false(poll_after(world, 0));
	assert_non_null(strstr(world->poll.bits_reason, "no /dev/vcio_gencmd"));
	put(world->fixture, "dev/vcio", "get_throttled throttled=0x0\n");
	assert_false(poll_after(world, 59 * NS_PER_S));
	assert_true(poll_after(world, NS_PER_S));
	world_free(world);
}

/* The reason names the node that is to be opened up: the narrow one if it is there. */
static void test_no_rights(void **state)
{
	static const struct {
		const char *node, *other, *reason;
	} rows[] = {
		{"dev/vcio_gencmd", NULL, "/dev/vcio_gencmd: permission denied; udev rule"},
		{"dev/vcio_gencmd", "dev/vcio", "/dev/vcio_gencmd: permission denied; udev rule"},
		{"dev/vcio", NULL, "/dev/vcio: permission denied; a newer kernel"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *world = world_new();
		int root_fd = world->fixture->env.root_fd;
		const bool root = geteuid() == 0;

		put(world->fixture, rows[i].node, "");
		assert_int_equal(fchmodat(root_fd, rows[i].node, 0, 0), 0);
		if (rows[i].other) {
			put(world->fixture, rows[i].other, "");
			assert_int_equal(fchmodat(root_fd, rows[i].other, 0, 0), 0);
		}
		/* Root may open everything: be nobody for a moment. */
		assert_int_equal(fchmod(root_fd, 0755), 0);
		assert_int_equal(root ? seteuid(65534) : 0, 0);
		firmware_poll_open(&world->poll, &world->fixture->env);
		assert_int_equal(root ? seteuid(0) : 0, 0);
		assert_false(poll_after(world, 0));
		assert_non_null(strstr(world->poll.bits_reason, rows[i].reason));
		assert_non_null(strstr(world->poll.bits_reason, "hostingpid(8)"));
		world_free(world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),	  cmocka_unit_test(test_no_rails),
		cmocka_unit_test(test_failures),  cmocka_unit_test(test_few_failures),
		cmocka_unit_test(test_slow),	  cmocka_unit_test(test_rails_rest),
		cmocka_unit_test(test_refused),	  cmocka_unit_test(test_no_node),
		cmocka_unit_test(test_no_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
