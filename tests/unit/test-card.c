/* SPDX-License-Identifier: MIT */
/* The parsers of what a card and its host say: wear of an eMMC, error counters of the controller. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "collectors/card.h"
#include "collectors/err_stats.h"

static void parses_life(void **state)
{
	(void)state;
	int64_t ppm = 7;

	assert_int_equal(card_life_parse("0x01 0x01\n", &ppm), 0);
	assert_int_equal(ppm, 0);
	assert_int_equal(card_life_parse("0x03 0x00\n", &ppm), 0); /* one kind of cells only */
	assert_int_equal(ppm, 200000);
	assert_int_equal(card_life_parse("0x02 0x0a", &ppm), 0);
	assert_int_equal(ppm, 900000);
	assert_int_equal(card_life_parse("0x0b 0x0b\n", &ppm), 0);
	assert_int_equal(ppm, 1000000);

	assert_int_equal(card_life_parse("0x00 0x00\n", &ppm), -ENODATA);
	const char *const bad[] = {"",
				   "0x0c 0x01\n",
				   "0x01\n",
				   "1 1\n",
				   "0x01 0x01 0x01\n",
				   "0x 0x\n",
				   "0x01  0x01",
				   "0x-1 0x01",
				   "0x100000001 0x01\n",
				   "0x01 0x01\n\n"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(card_life_parse(bad[i], &ppm), -EINVAL);
	assert_int_equal(ppm, 1000000); /* untouched on failure */
}

static void parses_pre_eol(void **state)
{
	(void)state;
	enum card_pre_eol pre_eol = CARD_PRE_EOL_NORMAL;

	assert_int_equal(card_pre_eol_parse("0x03\n", &pre_eol), 0);
	assert_int_equal(pre_eol, CARD_PRE_EOL_URGENT);
	assert_int_equal(card_pre_eol_parse("0x01", &pre_eol), 0);
	assert_int_equal(pre_eol, CARD_PRE_EOL_NORMAL);
	assert_int_equal(card_pre_eol_parse("0x00\n", &pre_eol), -ENODATA);
	assert_int_equal(card_pre_eol_parse("0x04\n", &pre_eol), -EINVAL);
	assert_int_equal(card_pre_eol_parse("normal\n", &pre_eol), -EINVAL);
	assert_int_equal(card_pre_eol_parse("", &pre_eol), -EINVAL);
}

static void parses_err_stats(void **state)
{
	(void)state;
	int64_t sum = 7;

	/* All lines of Linux 6.1, in its format. */
	assert_int_equal(err_stats_parse("# Command Timeout Occurred:\t 4\n"
					 "# Command CRC Errors Occurred:\t 1\n"
					 "# Data Timeout Occurred:\t 2\n"
					 "# Data CRC Errors Occurred:\t 0\n"
					 "# Auto-Cmd Error Occurred:\t 0\n"
					 "# ADMA Error Occurred:\t 0\n"
					 "# Tuning Error Occurred:\t 0\n"
					 "# CMDQ RED Errors:\t 0\n"
					 "# CMDQ GCE Errors:\t 0\n"
					 "# CMDQ ICCE Errors:\t 0\n"
					 "# Request Timedout:\t 0\n"
					 "# CMDQ Request Timedout:\t 0\n"
					 "# ICE Config Errors:\t 0\n"
					 "# Controller Timedout errors:\t 0\n"
					 "# Unexpected IRQ errors:\t 10\n",
					 &sum),
			 0);
	assert_int_equal(sum, 17);
	assert_int_equal(err_stats_parse("# Request Timedout:\t -1\n", &sum), 0);
	assert_int_equal(sum, UINT32_MAX);

	const char *const bad[] = {"",
				   "\n",
				   "# Request Timedout:\t 4",
				   "# Request Timedout:\t four\n",
				   "# Request Timedout:\t 4 5\n",
				   "# Request Timedout:\t\n",
				   "# Request Timedout 4\n",
				   "Request Timedout:\t 4\n",
				   "# Request Timedout:\t 4294967296\n",
				   "# Request Timedout:\t 4\n\n"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(err_stats_parse(bad[i], &sum), -EINVAL);
	assert_int_equal(sum, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_life),
		cmocka_unit_test(parses_pre_eol),
		cmocka_unit_test(parses_err_stats),
	};
	return cmocka_run_group_tests_name("card", tests, NULL, NULL);
}
